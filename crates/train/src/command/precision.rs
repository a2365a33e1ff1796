//! What is said of bfloat16: where it would be faster, and where it is slower.

use crate::{run::terminal::say, settings::Precision, trainer::Trainer};
use model::fast::{gain, path::CodePath};

/// A gain of bfloat16 that a step, of which products are a part, would notice.
const WORTH_A_WORD: f64 = 1.5;

/// Warns of bfloat16 where the processor multiplies it more slowly than float32.
pub fn warn(trainer: &Trainer) {
    if trainer.course.settings.precision == Precision::F32 {
        return;
    }
    let gain = gain::of_bf16(trainer.model.config.channels);
    if gain < 1.0 {
        say(&format!(
            "warning: this processor multiplies in bf16 at {gain:.2} times the speed of f32; --precision f32 is faster"
        ));
    }
}

/// For whoever has long to wait: what another precision would gain, measured when it is asked for. Nothing for a run that has
/// begun, as it keeps its precision, and where the processor has no unit for it.
pub fn advice(trainer: &Trainer) -> impl Fn() -> Option<String> + use<> {
    let can = trainer.course.settings.precision == Precision::F32
        && trainer.progress.step == 0
        && trainer.origin.path == CodePath::Fast.to_string();
    let channels = trainer.model.config.channels;
    move || {
        let gain = can.then(|| gain::of_bf16(channels)).filter(|&gain| gain > WORTH_A_WORD)?;
        Some(format!(
            "advice          --precision bf16 multiplies matrices {gain:.1} times as fast on this processor"
        ))
    }
}
