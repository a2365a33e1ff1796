//! That an interrupted run goes on as if nothing had happened, and that a broken checkpoint is noticed.

mod small;

use model::{fast::path::CodePath, format};
use small::{PATHS, alone, bits, run, settings, trainer, trainer_by, windows};
use std::{fs, path::Path};
use tch::Device;
use train::{
    callbacks::Outcome,
    checkpoint,
    command::take_path,
    metrics::Line,
    settings::{Length, Precision, TrainSettings},
    trainer::Trainer,
};

fn resumed(folder: &Path, settings: TrainSettings) -> anyhow::Result<Trainer> {
    Trainer::resume(
        checkpoint::load(folder, Device::Cpu)?,
        settings,
        windows(60, 0),
        Some(windows(30, 3)),
    )
}

/// The lines of a run without its speed, which no two runs share.
fn losses(trainer: &Trainer) -> Vec<Line> {
    let without_speed = |line: &Line| match line.clone() {
        Line::Step(mut step) => {
            step.tokens_per_s = 0.0;
            Line::Step(step)
        }
        other => other,
    };
    trainer.progress.history.iter().map(without_speed).collect()
}

/// A folder in which a run was stopped after some steps, saving every second one.
fn stopped_after(steps: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = TrainSettings { save_every: 2, ..settings(Length::Steps(10)) };
    let outcome = run(&mut trainer(settings), folder.path(), Some(steps)).expect("a run");
    assert_eq!(outcome, Outcome::Stopped);
    folder
}

fn checkpoints(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("checkpoints")).expect("a folder").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn ten_steps_are_five_and_a_stop_and_five_more_bit_for_bit_by_either_path_on_two_threads() {
    let _alone = alone();
    for (path, precision) in PATHS
        .map(|path| (path, Precision::F32))
        .into_iter()
        .chain([(CodePath::Fast, Precision::Bf16)])
    {
        let settings = TrainSettings { precision, ..settings(Length::Steps(10)) };
        let (whole_folder, halved_folder) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let mut whole = trainer_by(path, settings.clone(), windows(60, 0));
        assert_eq!(run(&mut whole, whole_folder.path(), None).expect("a run"), Outcome::Finished);

        let mut first = trainer_by(path, settings.clone(), windows(60, 0));
        let outcome = run(&mut first, halved_folder.path(), Some(5)).expect("a run");
        assert_eq!(outcome, Outcome::Stopped);
        drop(first);
        tch::manual_seed(999); // whatever happened to the generator in between
        let mut second = resumed(halved_folder.path(), settings.clone()).expect("a checkpoint");
        take_path(&mut second, Some(path)).expect("the same way to take steps");
        assert_eq!(second.progress.step, 5);
        let outcome = run(&mut second, halved_folder.path(), None).expect("a run");
        assert_eq!(outcome, Outcome::Finished);

        assert!(
            bits(&whole.model) == bits(&second.model),
            "{path}, {precision:?}: the weights differ"
        );
        assert_eq!(losses(&whole), losses(&second), "{path}, {precision:?}: the metrics differ");
        let lines =
            fs::read_to_string(halved_folder.path().join("metrics.jsonl")).expect("metrics");
        assert_eq!(lines.lines().count(), whole.progress.history.len());
    }
}

#[test]
fn a_run_in_one_precision_is_not_resumed_in_the_other() {
    let _alone = alone();
    let folder = stopped_after(5);
    let other = TrainSettings { precision: Precision::Bf16, ..settings(Length::Steps(10)) };
    let error = resumed(folder.path(), other).err().expect("a refusal").to_string();
    assert!(error.contains("precision is \"f32\" there and \"bf16\" here"), "{error}");
}

#[test]
fn a_run_may_be_resumed_to_last_longer() {
    let _alone = alone();
    let folder = stopped_after(5);
    let longer = TrainSettings { save_every: 2, ..settings(Length::Steps(12)) };
    let mut trainer = resumed(folder.path(), longer).expect("a checkpoint");
    run(&mut trainer, folder.path(), None).expect("a run");
    assert_eq!(trainer.progress.step, 12);
}

#[test]
fn a_checkpoint_is_a_model_in_the_public_format() {
    let _alone = alone();
    let folder = stopped_after(5);
    let checkpoint = checkpoint::load(folder.path(), Device::Cpu).expect("a checkpoint");
    let model = format::load(&checkpoint.folder, Device::Cpu).expect("a model");
    assert_eq!(bits(&model), bits(&checkpoint.model));
}

#[test]
fn only_the_last_checkpoints_stay() {
    let _alone = alone();
    let folder = stopped_after(7);
    assert_eq!(checkpoints(folder.path()), ["latest", "step-000006", "step-000007"]);
    assert_eq!(
        fs::read_to_string(folder.path().join("checkpoints/latest")).expect("a pointer"),
        "step-000007\n"
    );
}

#[test]
fn weights_that_are_not_finite_do_not_take_the_place_of_those_that_are() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let settings = TrainSettings { keep_last: 1, ..settings(Length::Steps(10)) };
    let mut trainer = trainer(settings);
    run(&mut trainer, folder.path(), Some(5)).expect("a run");
    trainer.step().expect("a sixth step");
    let _ = tch::no_grad(|| trainer.model.parameters()[0].1.get(0).fill_(f64::INFINITY));
    let said = format!("{:#}", trainer.save(folder.path()).expect_err("an infinite weight"));
    assert!(said.starts_with("cannot save a checkpoint at step 6 in "), "{said}");
    assert!(
        said.ends_with("transformer.wte.weight holds a value that is not a finite number"),
        "{said}"
    );
    assert_eq!(checkpoint::load(folder.path(), Device::Cpu).expect("the one before").state.step, 5);
    assert_eq!(checkpoints(folder.path()), ["latest", "step-000005"]);
}

#[test]
fn settings_that_contradict_the_checkpoint_are_refused_by_name() {
    let _alone = alone();
    let folder = stopped_after(5);
    let other = TrainSettings { batch_size: 3, learning_rate: 0.5, ..settings(Length::Steps(10)) };
    let said = resumed(folder.path(), other).err().expect("a contradiction").to_string();
    let expected = "these settings contradict the checkpoint: batch_size is 2 there and 3 here, learning_rate is 0.002 there and 0.5 \
                    here";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn other_data_than_the_checkpoints_is_refused() {
    let _alone = alone();
    let folder = stopped_after(5);
    let settings = settings(Length::Steps(10));
    let load = || checkpoint::load(folder.path(), Device::Cpu).expect("a checkpoint");
    let refused = Trainer::resume(load(), settings.clone(), windows(60, 1), Some(windows(30, 3)));
    let said = refused.err().expect("other data").to_string();
    assert!(said.starts_with("the training data is not that of the checkpoint"), "{said}");
    let refused = Trainer::resume(load(), settings, windows(60, 0), Some(windows(30, 4)));
    let said = refused.err().expect("other data").to_string();
    assert!(said.starts_with("the validation data is not that of the checkpoint"), "{said}");
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let _alone = alone();
    let folder = stopped_after(7);
    let weights = folder.path().join("checkpoints/step-000007/model.safetensors");
    let mut bytes = fs::read(&weights).expect("weights");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, bytes).expect("written");
    let loaded = checkpoint::load(folder.path(), Device::Cpu).expect("the one before");
    assert_eq!(loaded.state.step, 6);
    let [damage] = &loaded.damaged[..] else { panic!("{:?}", loaded.damaged) };
    assert!(
        damage.contains("step-000007 is damaged: model.safetensors has another SHA-256"),
        "{damage}"
    );
    let exactly = checkpoint::load(&folder.path().join("checkpoints/step-000007"), Device::Cpu);
    assert!(exactly.is_err(), "asked for by name, a damaged checkpoint is an error");
}

#[test]
fn other_threads_and_another_libtorch_are_warned_of() {
    let _alone = alone();
    let folder = stopped_after(5);
    let mut loaded = checkpoint::load(folder.path(), Device::Cpu).expect("a checkpoint");
    let (threads, libtorch) = (loaded.state.threads, loaded.state.libtorch.clone());
    assert_eq!(loaded.warnings(threads), Vec::<String>::new());
    loaded.state.libtorch = "1.0".to_owned();
    let end = "the last digits may differ from an uninterrupted run's";
    assert_eq!(
        loaded.warnings(threads + 1),
        [
            format!("threads {threads} then, {} now; {end}", threads + 1),
            format!("libtorch 1.0 then, {libtorch} now; {end}"),
        ]
    );
}

#[test]
fn a_pointer_to_nowhere_is_no_obstacle() {
    let _alone = alone();
    let folder = stopped_after(5);
    fs::write(folder.path().join("checkpoints/latest"), "step-000099\n").expect("written");
    assert_eq!(checkpoint::load(folder.path(), Device::Cpu).expect("a checkpoint").state.step, 5);
    fs::remove_file(folder.path().join("checkpoints/latest")).expect("removed");
    assert_eq!(checkpoint::load(folder.path(), Device::Cpu).expect("a checkpoint").state.step, 5);
}

#[test]
fn a_folder_without_a_checkpoint_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let said =
        checkpoint::load(folder.path(), Device::Cpu).err().expect("nothing there").to_string();
    assert!(said.starts_with("there is no checkpoint in"), "{said}");
    let said = checkpoint::load(Path::new("/nowhere"), Device::Cpu)
        .err()
        .expect("nothing there")
        .to_string();
    assert_eq!(said, "there is no run to resume in /nowhere");
}
