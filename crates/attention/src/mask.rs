//! Which positions may read which (chapter 2.3).

use tch::{Device, Kind, Tensor};

/// Marks what each query must not see: `true` where a key lies in the query's future.
///
/// The last query is at the last key. With as many queries as keys this is everything above the diagonal; with fewer,
/// the queries are the last ones of a longer text, as when a cache already holds the keys of its beginning.
///
/// # Shapes
/// Returns `[queries, keys]`, booleans.
///
/// # Panics
/// If there are more queries than keys.
///
/// # Source
/// Vaswani et al. 2017 (<https://arxiv.org/abs/1706.03762>), section 3.2.3.
pub fn causal_mask(queries: i64, keys: i64, device: Device) -> Tensor {
    assert!(queries <= keys, "{queries} queries cannot stand at the end of {keys} keys");
    Tensor::ones([queries, keys], (Kind::Bool, device)).triu(keys - queries + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(mask: &Tensor) -> Vec<Vec<bool>> {
        Vec::try_from(mask).expect("a rank-2 boolean tensor")
    }

    #[test]
    fn each_position_sees_itself_and_what_came_before() {
        let mask = causal_mask(3, 3, Device::Cpu);
        assert_eq!(rows(&mask), [[false, true, true], [false, false, true], [false, false, false]]);
    }

    #[test]
    fn the_last_two_queries_of_four_keys_see_three_and_four_of_them() {
        let mask = causal_mask(2, 4, Device::Cpu);
        assert_eq!(rows(&mask), [[false, false, false, true], [false, false, false, false]]);
    }
}
