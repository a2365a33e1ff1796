//! Which other exercises a run needs: a run stops at the first hole that it meets, and the source knows of the others.
//!
//! Names alone are followed, from the judges on and through the functions of the lesson: one is needed where its name is called, a
//! private one only in its own file, a method where that of its type is written too. That may be one too many or too few. It is never a
//! later exercise, as `prove` shows that judges do without these.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use fs_err as fs;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::exercises::{Book, Exercise, ItemPath};
use super::judge::{Judge, Program};
use super::state::{Reader, Status};
use crate::files::matching;
use crate::items::Named;
use crate::source::Source;

/// Words of code; besides, `f()` where `f` is called, and `.f()` where it is called as a method.
type Words = BTreeSet<String>;

/// A function, and the words that it is written in.
struct Part {
    /// Seen from the project.
    file: String,
    /// `name`, or `Type::name`.
    path: String,
    is_private: bool,
    words: Words,
}

/// The open exercises that an exercise's judges run into: those that our own text calls, and the one that was met.
pub fn open<'a>(reader: &'a Reader, exercise: &Exercise, met: &str) -> Result<Vec<&'a Exercise>> {
    let mut needed = earlier(reader, exercise, &[Status::Open])?;
    if needed.iter().all(|other| other.id != met) {
        needed.push(reader.book.find(met)?);
    }
    Ok(needed)
}

/// The earlier exercises of a status that an exercise's judges call.
pub fn earlier<'a>(
    reader: &'a Reader,
    exercise: &Exercise,
    of: &[Status],
) -> Result<Vec<&'a Exercise>> {
    let reached = reached(reader.project, &reader.book, exercise)?;
    let mut needed = Vec::new();
    for other in reader.book.exercises().take_while(|other| other.id != exercise.id) {
        let is_reached = other.items.iter().any(|item| reached.contains(&item.to_string()));
        if is_reached && of.contains(&reader.status(other)?) {
            needed.push(other);
        }
    }
    Ok(needed)
}

/// All functions of the lesson that an exercise's judges call, as `file#name`.
fn reached(project: &Path, book: &Book, exercise: &Exercise) -> Result<BTreeSet<String>> {
    let (mut new, mut parts) = (Vec::new(), Vec::new());
    for judge in &exercise.judges {
        add_judge(project, judge, &mut new, &mut parts)?;
    }
    let given = book.chapters.iter().flat_map(|chapter| &chapter.given);
    let items = book.exercises().flat_map(|exercise| &exercise.items);
    for item in items.chain(given.flat_map(|given| &given.items)) {
        parts.push(function(project, item)?);
    }
    let (mut names, mut words) = (BTreeSet::new(), Words::new());
    let mut of_files: BTreeMap<String, Words> = BTreeMap::new();
    while !new.is_empty() {
        for part in new {
            names.insert(format!("{}#{}", part.file, part.path));
            words.extend(part.words.iter().cloned());
            of_files.entry(part.file).or_default().extend(part.words);
        }
        (new, parts) = parts.into_iter().partition(|part| match of_files.get(&part.file) {
            Some(words) if part.is_private => part.is_named(words),
            _ => !part.is_private && part.is_named(&words),
        });
    }
    Ok(names)
}

impl Part {
    fn is_named(&self, words: &Words) -> bool {
        let (of, name) = match self.path.rsplit_once("::") {
            Some((of, name)) => (Some(of), name),
            None => (None, self.path.as_str()),
        };
        let is_written = match of {
            None => words.contains(&format!("{name}()")),
            // Loops do not write it.
            Some(_) if name == "next" => true,
            Some(_) => [".", ""].iter().any(|dot| words.contains(&format!("{dot}{name}()"))),
        };
        is_written && of.is_none_or(|of| words.contains(of))
    }
}

/// A function of the lesson; a method knows the words of its type.
fn function(project: &Path, item: &ItemPath) -> Result<Part> {
    let source = Source::read(&project.join(&item.file))?;
    let mut named = vec![source.find(&item.name)?];
    let is_private = named[0].is_private;
    let of = item.name.rsplit_once("::").map(|(of, _)| of);
    named.extend(of.and_then(|of| source.find(of).ok()));
    let mut words: Words = of.iter().map(|of| (*of).to_owned()).collect();
    for Named { lines, .. } in named {
        let text = source.lines[lines.start() - 1..*lines.end()].join("\n");
        collect(syn::parse_str(&text)?, &mut words);
    }
    Ok(Part { file: item.file.clone(), path: item.name.clone(), is_private, words })
}

/// Adds a demo or the tests that are meant, and to the parts the other functions of the tests' file.
fn add_judge(
    project: &Path,
    judge: &Judge,
    new: &mut Vec<Part>,
    parts: &mut Vec<Part>,
) -> Result<()> {
    let (program, name) = match judge {
        Judge::Demo(demo) => {
            let mut whole = part(demo.name, "main");
            collect(syn::parse_str(&fs::read_to_string(demo.source(project))?)?, &mut whole.words);
            new.push(whole);
            return Ok(());
        }
        Judge::Test { program, name } => (program, name),
    };
    for (file, text) in texts_of_tests(project, program, name)? {
        let mut functions = Vec::new();
        functions_of(syn::parse_str(&text)?, &file, &mut functions);
        let last = name.rsplit("::").next().unwrap_or(name);
        let (meant, others): (Vec<Part>, Vec<Part>) =
            functions.into_iter().partition(|function| last.is_empty() || function.path == last);
        new.extend(meant);
        parts.extend(others);
    }
    Ok(())
}

/// A function that nobody calls from elsewhere.
fn part(file: &str, path: &str) -> Part {
    Part { file: file.to_owned(), path: path.to_owned(), is_private: true, words: Words::new() }
}

/// The texts of a program's tests, each with the file whose private functions it sees; of those beside the code only the tests.
fn texts_of_tests(project: &Path, program: &Program, name: &str) -> Result<Vec<(String, String)>> {
    let krate = format!("crates/{}", program.krate);
    let mut texts = Vec::new();
    let Some(file) = &program.file else {
        let module = name.split("::tests::").next().unwrap_or(name).replace("::", "/");
        for seen in [format!("{krate}/src/{module}.rs"), format!("{krate}/src/{module}/mod.rs")] {
            if project.join(&seen).is_file() {
                let source = Source::read(&project.join(&seen))?;
                let lines = source.test_lines();
                let lines: Vec<&str> =
                    lines.iter().map(|line| source.lines[line - 1].as_str()).collect();
                texts.push((seen, lines.join("\n")));
            }
        }
        return Ok(texts);
    };
    // What lies in folders is shared by several programs.
    let folders = matching(project, &format!("{krate}/tests/*/*.rs"))?;
    for file in [project.join(format!("{krate}/tests/{file}.rs"))].iter().chain(&folders) {
        texts.push((format!("{krate}/tests"), fs::read_to_string(file)?));
    }
    Ok(texts)
}

/// All functions in tokens, whatever they stand in.
fn functions_of(tokens: TokenStream, file: &str, found: &mut Vec<Part>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if let TokenTree::Group(group) = token {
            functions_of(group.stream(), file, found);
        } else if token.to_string() == "fn"
            && let Some(TokenTree::Ident(name)) = tokens.peek()
        {
            let mut function = part(file, &name.to_string());
            let mut up_to_body = Vec::new();
            for token in tokens.by_ref() {
                let is_body = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
                up_to_body.push(token);
                if is_body {
                    break;
                }
            }
            collect(up_to_body.into_iter().collect(), &mut function.words);
            found.push(function);
        }
    }
}

/// Adds the words of tokens, and those that are called: before a bracket, or at the end of a path.
fn collect(tokens: TokenStream, words: &mut Words) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |place: Option<usize>, mark: &str| {
        place.and_then(|place| tokens.get(place)).is_some_and(|token| token.to_string() == mark)
    };
    for (place, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), words),
            TokenTree::Ident(word) => {
                let is_call = match tokens.get(place + 1) {
                    Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Parenthesis,
                    _ => is(Some(place + 1), ":") && is(Some(place + 3), "<"),
                };
                let before = place.checked_sub(1);
                let is_end_of_path = is(before, ":") && is(place.checked_sub(2), ":");
                if is_call && is(before, ".") {
                    words.insert(format!(".{word}()"));
                } else if is_call || is_end_of_path {
                    words.insert(format!("{word}()"));
                }
                words.insert(word.to_string());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::level::{Level, cut};
    use crate::learn::manifests::Lints;
    use crate::learn::state::State;
    use crate::learn::workspace;

    #[test]
    fn a_run_names_all_open_exercises_that_it_needs_and_no_others() {
        let project = xtask::project_root();
        let folder = tempfile::tempdir().expect("a folder");
        workspace::make(&project, folder.path(), Lints::All).expect("made");
        let book = Book::read(&project).expect("exercises");
        for exercise in book.exercises().filter(|one| matches!(one.id.as_bytes()[0], b'1' | b'5')) {
            cut(&project, folder.path(), exercise, Level::Normal).expect("cut");
        }
        let state = State { chapter: 5, ..State::default() };
        let reader = Reader::new(&project, folder.path().to_path_buf(), state).expect("a reader");
        let needed = |id: &str, met: &str| -> Vec<String> {
            let exercise = reader.book.find(id).expect("there");
            let all = open(&reader, exercise, met).expect("read");
            all.iter().map(|other| other.id.clone()).collect()
        };
        assert_eq!(needed("1.2.5", "1.2.1"), ["1.2.1", "1.2.2", "1.2.3", "1.2.4"]);
        // Its demo cuts windows from a text that is encoded.
        assert_eq!(needed("1.4.2", "1.4.1"), ["1.2.1", "1.2.4", "1.2.5", "1.3.1", "1.4.1"]);
        assert_eq!(needed("1.1.2", "1.1.1"), ["1.1.1"]);
        assert_eq!(needed("5.5.1", "5.2.1"), ["5.2.1"], "what was met is needed");
        let file = folder.path().join("crates/embedding/src/learn.rs");
        let text = fs::read_to_string(&file).expect("there");
        fs::write(&file, text.replace("todo!(\"1.2.2: ", "drop(\"")).expect("written");
        let exercise = reader.book.find("1.2.3").expect("there");
        let written = earlier(&reader, exercise, &[Status::Written]).expect("read");
        assert_eq!(written.iter().map(|other| &other.id).collect::<Vec<_>>(), ["1.2.2"]);
    }

    #[test]
    fn a_function_is_needed_where_it_is_called_and_a_method_where_its_type_is_named_too() {
        let is_needed = |code: &str, name: &str| {
            let mut words = Words::new();
            collect(syn::parse_str(code).expect("tokens"), &mut words);
            part("", name).is_named(&words)
        };
        assert!(is_needed("let answer = f(2);", "f") && is_needed("f::<u8>(2)", "f"));
        assert!(is_needed("all.map(module::f)", "f"));
        assert!(!is_needed("let f = 2; f + a.f() + A { a: f }", "f"), "no call of it");
        assert!(is_needed("let a: Linear = b; a.forward(x)", "Linear::forward"));
        assert!(!is_needed("a.forward(x)", "Linear::forward"));
        assert!(is_needed("for a in Pass", "Pass::next"), "loops do not write it");
    }

    #[test]
    fn functions_are_found_in_modules_and_macros() {
        let text = "mod tests { fn one() -> A { two(b) } fn more() {} } proptest! { #[test] fn three(c in 0..1) { d(); } }";
        let mut found = Vec::new();
        functions_of(syn::parse_str(text).expect("tokens"), "", &mut found);
        let names: Vec<&str> = found.iter().map(|part| part.path.as_str()).collect();
        assert_eq!(names, ["one", "more", "three"]);
        assert!(found[0].words.contains("two()") && found[0].words.contains("A"));
        assert!(found[2].words.contains("d()"));
    }
}
