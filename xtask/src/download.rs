//! How one file comes here whole, or not at all.
