//! Chapter 2: how one position gathers information from the positions before it.
//!
//! | module | question it answers | chapter |
//! | --- | --- | --- |
//! | [`attend`] | how is what a position reads mixed? | 2.1, 2.8 |
//! | [`linear`] | how does a layer learn what to look for? | 2.2 |
//! | [`mask`] | which positions may read which? | 2.3 |
//! | [`head`] | what does one trainable head look like? | 2.5 |
//! | [`multi_head`] | how do several heads become one layer? | 2.7 |
//!
//! Shapes use the legend of [`embedding`]; this chapter adds no letter to it. Where a function works on one head alone, on
//! several or on a whole batch, `…` stands for the dimensions in front.

pub mod attend;
pub mod head;
pub mod linear;
pub mod mask;
pub mod multi_head;
