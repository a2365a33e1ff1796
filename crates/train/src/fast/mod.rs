//! Speed for chapter 4: the gradient written out by hand, and AdamW in one pass over memory.

mod fused_adamw;
pub mod gradient;
