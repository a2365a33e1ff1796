//! Arrows: who may name whom.
//!
//! Between crates only leftwards, in the order of the chapters. Inside and across crates a file names nothing of a later
//! rank: the lesson (with `format/` and `support/` beside it), then `fast/`, `run/`, `serve/`, `command/`. The root of a
//! library counts as lesson, so that it cannot hand out under another name what a lesson must not name; tests are held
//! to the rank of their file. The task runner's library is for `run/` and what comes after it.

use std::path::Path;

use crate::contents::CHAPTERS;
use crate::findings::at;
use crate::modules::Module;
use crate::paths::paths;

use super::laws::{Root, folder, rank, rank_of};

/// Every path that points the wrong way.
pub fn check(project: &Path, roots: &[Root]) -> Vec<String> {
    let mut findings = Vec::new();
    for root in roots.iter().filter(|root| root.is_chapter()) {
        for module in &root.modules {
            let found = inside(root, module).into_iter().chain(between(root, module));
            findings.extend(found.map(|finding| at(project, &module.file, &finding)));
        }
    }
    findings
}

/// Paths to a later rank of the same crate.
fn inside(root: &Root, module: &Module) -> Vec<String> {
    let own = rank(module);
    let late = module.names(&root.modules).filter(|(target, _)| rank_of(target) > own);
    late.map(|(target, path)| {
        let (line, written) = (path.line, path.names.join("::"));
        format!("line {line}: {} names {} ({written})", folder(own), folder(rank_of(&target)))
    })
    .collect()
}

/// Paths to a later crate, or to a later rank of an earlier one.
fn between(root: &Root, module: &Module) -> Vec<String> {
    let number = |name: &str| CHAPTERS.iter().position(|chapter| chapter.name == name);
    let own = rank(module);
    let mut findings = Vec::new();
    for path in paths(&module.source.items) {
        let (first, written) = (path.names[0].as_str(), path.names.join("::"));
        let later = match number(first) {
            Some(other) if Some(other) > number(&root.krate) => format!("{first}, a later chapter"),
            Some(_) if rank_of(&path.names[1..]) > own => {
                folder(rank_of(&path.names[1..])).to_owned()
            }
            None if first == "xtask" && own < rank_of(&["run".to_owned()]) => {
                "the task runner".to_owned()
            }
            _ => continue,
        };
        findings.push(format!("line {}: {} names {later} ({written})", path.line, folder(own)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    fn findings(file: &str, text: &str) -> Vec<String> {
        let declared =
            "pub mod block;\npub mod fast;\npub mod run;\npub mod command;\npub mod support;\n";
        let files = ["block", "fast", "run", "command", "support"].map(|name| {
            let path =
                if name == "block" { "block.rs".to_owned() } else { format!("{name}/mod.rs") };
            (format!("crates/model/src/{path}"), String::new())
        });
        let folder = project(&[("crates/model/src/lib.rs", declared)]);
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            std::fs::write(path, text).expect("a file");
        };
        for (path, text) in files {
            write(&path, &text);
        }
        write(
            &format!("crates/model/src/{file}"),
            &if file == "lib.rs" { format!("{declared}{text}") } else { text.to_owned() },
        );
        check(folder.path(), &super::super::laws::roots(folder.path()).expect("read"))
    }

    #[test]
    fn a_lesson_names_neither_speed_nor_runs_nor_commands() {
        for wrong in [
            "use crate::fast::attend;",
            "use crate::{block, run::Plot};",
            "fn f() { super::command::start() }",
            "fn f() { assert!(crate::fast::g()) }",
            "use super::*;\nfn f() { fast::g() }",
            "use embedding::fast::pairs;",
            "#[cfg(test)]\nmod tests { use crate::fast::g; }",
            "use xtask::download::hex;",
        ] {
            assert_eq!(
                findings("block.rs", wrong).len(),
                1,
                "{wrong}: {:?}",
                findings("block.rs", wrong)
            );
        }
        for fine in [
            "use crate::support::show;\nuse attention::attend;\nuse embedding::support::texts;",
            "// crate::fast::attend\nconst A: &str = \"crate::fast::attend\";",
            "fn fast() {}\nfn f() { fast(); self::fast(); x.run() }",
        ] {
            assert_eq!(findings("block.rs", fine), Vec::<String>::new(), "{fine}");
        }
        assert_eq!(
            findings("block.rs", "\nuse crate::fast::attend;"),
            ["crates/model/src/block.rs: line 2: the lesson names fast (crate::fast::attend)"]
        );
    }

    #[test]
    fn what_comes_later_may_name_what_comes_before_and_never_back() {
        for (file, wrong) in [
            ("fast/mod.rs", "use crate::run::x;"),
            ("run/mod.rs", "use crate::command::x;"),
            ("support/mod.rs", "use crate::fast::x;"),
            ("lib.rs", "pub use fast::quick;"),
            ("command/mod.rs", "use train::run::x;"),
            ("fast/mod.rs", "use attention::run::x;"),
        ] {
            assert_eq!(findings(file, wrong).len(), 1, "{file} {wrong}");
        }
        for (file, fine) in [
            ("fast/mod.rs", "use crate::block::x;\nuse attention::fast::y;"),
            (
                "run/mod.rs",
                "use crate::fast::x;\nuse crate::support::y;\nuse xtask::download::hex;",
            ),
            ("command/mod.rs", "use crate::run::x;\nuse crate::fast::y;"),
        ] {
            assert_eq!(findings(file, fine), Vec::<String>::new(), "{file} {fine}");
        }
    }
}
