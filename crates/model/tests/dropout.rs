//! Dropout of the fast path beside libtorch's, in a process of its own, as both draw from the one generator that a process has.

use model::fast::ops::dropout::Mask;
use tch::{Device, Kind, Tensor};

#[test]
fn libtorchs_dropout_keeps_the_same_numbers_and_scales_them_alike() {
    let x = Tensor::arange(70 * 37, (Kind::Float, Device::Cpu)).view([70, 37]) + 1.0;
    for rate in [0.1, 0.5, 0.9] {
        tch::manual_seed(11);
        let expected = [x.dropout(rate, true), x.dropout(rate, true)];
        tch::manual_seed(11);
        for expected in expected {
            let mask = Mask::draw(70, 37, rate);
            let mut ours = Vec::<f32>::try_from(x.reshape([-1])).expect("numbers");
            mask.apply_to_all(&mut ours);
            let ours = Tensor::from_slice(&ours).view([70, 37]);
            let gap = ((ours - &expected) / &x).abs().max().double_value(&[]);
            assert!(gap < 1e-6, "dropout {rate}: largest difference {gap:e}");
            let mut part = Vec::<f32>::try_from(x.get(5).narrow(0, 16, 9)).expect("numbers");
            mask.apply(5, 16, &mut part);
            let gap = (Tensor::from_slice(&part) - expected.get(5).narrow(0, 16, 9)).abs().max();
            assert!(gap.double_value(&[]) < 1e-3, "a part of a row, dropout {rate}");
        }
    }
}
