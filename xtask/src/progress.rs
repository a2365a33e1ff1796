//! What a download shows while it goes on.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress on stderr: a bar on a terminal, now and then a line elsewhere, nothing for a file that is there at once.
pub(crate) struct Progress {
    pub(crate) name: String,
    bar: Option<ProgressBar>,
    total: Option<u64>,
    pub(crate) position: u64,
    spoke: Instant,
}

impl Progress {
    /// Begins at byte `start`.
    pub(crate) fn new(name: &str, host: &str, start: u64, total: Option<u64>) -> Self {
        let terminal = io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            );
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(name.to_owned());
            bar.set_position(start);
            bar
        });
        if !terminal {
            let size = total.map_or(String::new(), |total| format!(" ({})", megabytes(total)));
            let from =
                if start > 0 { format!(", from {} on", megabytes(start)) } else { String::new() };
            eprintln!("fetching {name}{size} from {host}{from}");
        }
        Self { name: name.to_owned(), bar, total, position: start, spoke: Instant::now() }
    }

    /// So many bytes are here.
    pub(crate) fn at(&mut self, position: u64) {
        self.position = position;
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        } else if self.spoke.elapsed() >= Duration::from_secs(10) {
            let of = self.total.map_or(String::new(), |total| format!(" of {}", megabytes(total)));
            eprintln!("{}: {}{of}", self.name, megabytes(position));
            self.spoke = Instant::now();
        }
    }

    /// All of them are here.
    pub(crate) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            eprintln!("fetched {} ({})", self.name, megabytes(self.position));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A size in the unit that reads best.
pub(crate) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
