//! Taking turns: ours, a peer, the next peer, ours again.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

use super::contender::{Contender, Repetition};
use super::statistics::{median, median_ratio};

/// The threads of a contender that has answered may still be awake, waiting for more work; after this time they sleep.
const PAUSE: Duration = Duration::from_millis(300);
/// Repetitions of each contender that are not counted: caches fill, code is compiled, memory is faulted in.
const WARM_UPS: usize = 2;

/// A program that takes part, before it is started.
pub struct Entrant {
    /// Its name until it gives its own.
    pub label: String,
    /// How it is started.
    pub command: Command,
    /// The memory that it will want, about.
    pub need_gb: f64,
}

/// What a contender achieved.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it rests on.
    pub versions: BTreeMap<String, String>,
    /// Median of tokens per second.
    pub median: f64,
    /// The slowest repetition, in tokens per second.
    pub minimum: f64,
    /// Median of the ratios ours to theirs within a round; `None` for ours.
    pub ratio: Option<f64>,
    /// The most memory that it had.
    pub peak_bytes: u64,
    /// The loss of the last step.
    pub loss: Option<f64>,
}

/// The outcome of a comparison.
pub struct Outcome {
    /// Ours first.
    pub rows: Vec<Row>,
    /// Who did not take part, and why.
    pub absent: Vec<String>,
}

/// Compares our program with its peers, as many of them at a time as fit into memory beside ours.
///
/// # Errors
/// If ours cannot run. A peer that cannot is named in the outcome.
pub fn compare(
    ours: &mut Entrant,
    mut peers: Vec<Entrant>,
    rounds: usize,
    free_gb: f64,
) -> Result<Outcome> {
    let mut outcome = Outcome { rows: Vec::new(), absent: Vec::new() };
    peers.retain(|peer| {
        let (all, label) = (ours.need_gb + peer.need_gb, &peer.label);
        if all > free_gb {
            outcome.absent.push(format!(
                "{label}: with ours it needs about {all:.0} GB, and {free_gb:.0} GB are free"
            ));
        }
        all <= free_gb
    });
    loop {
        let mut room = free_gb - ours.need_gb;
        let fitting = peers.iter().take_while(|peer| {
            room -= peer.need_gb;
            room >= 0.0
        });
        let sitting: Vec<Entrant> = peers.drain(..fitting.count()).collect();
        sit(ours, sitting, rounds, &mut outcome)?;
        if peers.is_empty() {
            return Ok(outcome);
        }
    }
}

/// One sitting: all of these loaded at once and taking turns.
fn sit(ours: &mut Entrant, peers: Vec<Entrant>, rounds: usize, to: &mut Outcome) -> Result<()> {
    let ours = Contender::start(&ours.label, &mut ours.command)?;
    let mut players = vec![(ours, Vec::<Repetition>::new())];
    for mut peer in peers {
        match Contender::start(&peer.label, &mut peer.command) {
            Ok(contender) => players.push((contender, Vec::new())),
            Err(error) => to.absent.push(format!("{error:#}")),
        }
    }
    for _ in 0..WARM_UPS + rounds {
        let mut index = 0;
        while index < players.len() {
            sleep(PAUSE);
            match players[index].0.go() {
                Ok(repetition) => {
                    players[index].1.push(repetition);
                    index += 1;
                }
                Err(error) if index == 0 => return Err(error),
                Err(error) => {
                    to.absent.push(format!("{error:#}"));
                    players.remove(index);
                }
            }
        }
    }
    settle(players, to)
}

/// Ends all players and writes down what they achieved.
fn settle(players: Vec<(Contender, Vec<Repetition>)>, outcome: &mut Outcome) -> Result<()> {
    let rates = |repetitions: &[Repetition]| -> Vec<f64> {
        let counted = repetitions.iter().skip(WARM_UPS);
        counted.map(|repetition| repetition.tokens / repetition.seconds).collect()
    };
    let ours = rates(&players.first().context("ours always plays")?.1);
    for (index, (contender, repetitions)) in players.into_iter().enumerate() {
        let (name, versions, theirs) =
            (contender.name.clone(), contender.versions.clone(), rates(&repetitions));
        let peak_bytes = match contender.finish() {
            Ok(peak_bytes) => peak_bytes,
            Err(error) if index == 0 => return Err(error),
            Err(error) => {
                outcome.absent.push(format!("{error:#}"));
                continue;
            }
        };
        // In a further sitting ours has its row already.
        if index == 0 && !outcome.rows.is_empty() {
            continue;
        }
        outcome.rows.push(Row {
            name,
            versions,
            median: median(&theirs),
            minimum: theirs.iter().copied().fold(f64::INFINITY, f64::min),
            ratio: (index > 0).then(|| median_ratio(&ours, &theirs)),
            peak_bytes,
            loss: repetitions.last().and_then(|repetition| repetition.loss),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A contender in a line of shell: it needs `times[i]` seconds for 100 tokens in repetition i, and notes its turns in `log`.
    fn fake(name: &str, times: &str, log: &std::path::Path) -> Entrant {
        let script = format!(
            r#"echo '{{"contender": "{name}", "versions": {{"sh": "1"}}}}'
            set -- {times}
            while read line; do
                [ "$1" = die ] && {{ echo "out of patience" >&2; exit 3; }}
                printf {name} >> '{log}'
                echo "{{\"seconds\": $1, \"tokens\": 100}}"
                shift
            done
            echo '{{"peak_bytes": 2000}}'"#,
            log = log.display()
        );
        entrant(name, &script)
    }

    fn entrant(name: &str, script: &str) -> Entrant {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Entrant { label: name.to_owned(), command, need_gb: 1.0 }
    }

    #[test]
    fn contenders_take_turns_and_warm_ups_do_not_count() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let mut ours = fake("A", "9 9 1 2 1", &log);
        let peers = vec![fake("B", "1 1 2 8 2", &log), fake("C", "1 1 1 1 4", &log)];
        let outcome = compare(&mut ours, peers, 3, 8.0).expect("all play");
        assert_eq!(std::fs::read_to_string(&log).expect("a log"), "ABCABCABCABCABC");
        let shown: Vec<String> = outcome
            .rows
            .iter()
            .map(|row| {
                format!(
                    "{} {} {} {:?} {}",
                    row.name, row.median, row.minimum, row.ratio, row.peak_bytes
                )
            })
            .collect();
        // C: ratios 1, 1/2, 4; B: ratios 2, 4, 2.
        assert_eq!(
            shown,
            ["A 100 50 None 2000", "B 50 12.5 Some(2.0) 2000", "C 100 25 Some(1.0) 2000"]
        );
        assert!(outcome.absent.is_empty());
    }

    #[test]
    fn peers_that_do_not_fit_into_memory_together_play_one_after_the_other() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let mut peers =
            vec![fake("B", "1 1 2", &log), fake("C", "1 1 2", &log), fake("D", "1 1 2", &log)];
        peers[2].need_gb = 7.0;
        let outcome =
            compare(&mut fake("A", "1 1 1", &log), peers, 1, 2.5).expect("all but D play");
        assert_eq!(std::fs::read_to_string(&log).expect("a log"), "ABABABACACAC");
        assert_eq!(outcome.rows.len(), 3);
        assert_eq!(outcome.absent, ["D: with ours it needs about 8 GB, and 2 GB are free"]);
    }

    #[test]
    fn a_peer_that_dies_is_named_with_its_last_words_and_the_others_go_on() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let peers = vec![
            fake("B", "1 1 die", &log),
            entrant("C", r#"echo '{"absent": "no such package"}'"#),
        ];
        let outcome = compare(&mut fake("A", "1 1 1 1", &log), peers, 2, 8.0).expect("ours plays");
        assert_eq!(outcome.rows.len(), 1);
        assert_eq!(
            outcome.absent,
            ["C: no such package", "B died in repetition 3 (exit status: 3): out of patience"]
        );
    }

    #[test]
    fn ours_that_dies_or_babbles_fails_in_one_sentence() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let fails = |mut ours: Entrant| match compare(&mut ours, Vec::new(), 1, 8.0) {
            Ok(_) => panic!("it should have failed"),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            fails(fake("A", "die", &log)),
            "A died in repetition 1 (exit status: 3): out of patience"
        );
        assert_eq!(
            fails(entrant("A", "exit 7")),
            "A died while it loaded (exit status: 7): it said nothing"
        );
        assert_eq!(
            fails(entrant("A", "echo hello")),
            "A said \"hello\" while it loaded, which is no answer"
        );
        assert!(fails(fake("A", "0", &log)).contains("which is no time"));
    }
}
