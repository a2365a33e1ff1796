//! What is said of a run that goes on.

use super::say;
use crate::{checkpoint::Loaded, settings::TrainSettings, trainer::Trainer};
use std::path::Path;

/// Takes up a run where its checkpoint left it: with as many threads as then if no number is asked for, and a warning for each thing
/// that is not as it was.
pub fn take_up(loaded: &Loaded, threads: Option<i32>) {
    let threads = threads.unwrap_or(loaded.state.threads);
    tch::set_num_threads(threads);
    for warning in loaded.warnings(threads) {
        say(&format!("warning: {warning}"));
    }
}

/// Whether a resumed run has nothing left to do, which is said: all its steps are taken, and these files written.
pub fn is_finished(trainer: &Trainer, run: &Path, files: &[&str]) -> bool {
    let (done, total) = (trainer.progress.step, trainer.course.schedule.total_steps);
    let written = files.iter().all(|file| run.join(file).is_file());
    if done > total {
        say(&format!("{done} steps are done already, and {total} asked for; nothing is changed"));
    } else if trainer.is_done() && written {
        let run = run.display();
        say(&if done == total {
            format!(
                "the run in {run} is finished: all {total} steps are done; with more --epochs or steps it goes on"
            )
        } else {
            format!(
                "the run in {run} has ended after step {done} of {total}, as its validation loss fell no lower; with --patience 0 it goes on"
            )
        });
    }
    done > total || trainer.is_done() && written
}

/// Prints where a resumed run goes on, and where its learning rate does, if that is elsewhere than under the settings of `before`.
pub fn say_where(trainer: &Trainer, before: &TrainSettings) {
    let (done, total) = (trainer.progress.step, trainer.course.schedule.total_steps);
    say(&if trainer.is_done() {
        format!("no step is left after step {done} of {total}, and the model is to be written")
    } else {
        format!("going on after step {done} of {total}")
    });
    let planned = before.total_steps(trainer.course.steps_per_epoch);
    let (expected, next) = (before.schedule(planned).at(done), trainer.course.schedule.at(done));
    if done > 0 && done < total && (next - expected).abs() > 0.05 * expected {
        let last = before.schedule(planned).at(done - 1);
        say(&format!(
            "warning: the learning rate was {last:.2e} at step {done} and is {next:.2e} at the next, as its curve now ends at step {total} \
             instead of {planned}"
        ));
    }
}
