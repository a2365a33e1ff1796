//! Bodies of functions in a workspace: read, replaced, and cut out.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use proc_macro2::TokenStream;
use serde::{Serialize, de::DeserializeOwned};

use super::exercises::{Edit, Exercise, ItemPath};
use crate::source::Source;

/// The body of a function, its braces included.
pub fn body(root: &Path, item: &ItemPath) -> Result<String> {
    let source = Source::read(&root.join(&item.file))?;
    let range = source.body(&item.name).with_context(|| item.file.clone())?;
    Ok(source.text()[range].to_owned())
}

/// The bodies of an exercise.
pub fn bodies(root: &Path, exercise: &Exercise) -> Result<Vec<String>> {
    exercise.items.iter().map(|item| body(root, item)).collect()
}

/// Puts another body in place of a function's.
pub fn replace(root: &Path, item: &ItemPath, new: &str) -> Result<()> {
    let file = root.join(&item.file);
    let source = Source::read(&file)?;
    let range = source.body(&item.name).with_context(|| item.file.clone())?;
    let text = source.text();
    let text = [&text[..range.start], new, &text[range.end..]].concat();
    write(&file, &text)
}

/// Writes a file whole or not at all.
pub fn write(file: &Path, text: &str) -> Result<()> {
    xtask::download::write_atomically(file, text)
}

/// Reads what is kept as JSON; nothing where there is no such file yet.
pub fn read_json<T: DeserializeOwned + Default>(file: &Path) -> Result<T> {
    if !file.is_file() {
        return Ok(T::default());
    }
    serde_json::from_str(&fs_err::read_to_string(file)?).with_context(|| file.display().to_string())
}

/// Writes what is to be kept as JSON.
pub fn write_json(file: &Path, kept: &impl Serialize) -> Result<()> {
    write(file, &format!("{}\n", serde_json::to_string_pretty(kept)?))
}

/// What an exercise's functions hold while they are to be written.
pub fn hole(exercise: &Exercise) -> String {
    format!("todo!(\"{}: {}\")", exercise.id, exercise.title)
}

/// Whether a body is still to be written.
pub fn is_open(exercise: &Exercise, body: &str) -> bool {
    !holes(exercise, body).is_empty()
}

/// What is still to be written in a text: where each hole begins, and what it asks. A hole that has become a comment is none.
pub fn holes<'a>(exercise: &Exercise, text: &'a str) -> Vec<(usize, &'a str)> {
    let mark = format!("todo!(\"{}: ", exercise.id);
    let is_code = |at: usize| !text[..at].rsplit('\n').next().unwrap_or_default().contains("//");
    let all = text.match_indices(&mark).map(|(at, _)| (at, &text[at + mark.len()..]));
    all.filter(|(at, _)| is_code(*at))
        .map(|(at, rest)| (at, rest.split("\")").next().unwrap_or(rest)))
        .collect()
}

/// Puts other bodies in place of those of an exercise.
pub fn put(root: &Path, exercise: &Exercise, bodies: &[String]) -> Result<()> {
    exercise.items.iter().zip(bodies).try_for_each(|(item, body)| replace(root, item, body))
}

/// The body with a hole in place of the body `old`.
pub fn cut_body(exercise: &Exercise, old: &str) -> String {
    laid_out(&hole(exercise), old)
}

/// A body of these lines, indented as the body `old` is.
fn laid_out(lines: &str, old: &str) -> String {
    // rustfmt closes a body at the indentation of its function.
    let last = old.lines().next_back().unwrap_or_default();
    let indent = &last[..last.len() - last.trim_start().len()];
    let lines = lines.trim_matches('\n').lines().map(|line| format!("{indent}    {line}\n"));
    format!("{{\n{}{indent}}}", lines.collect::<Vec<_>>().concat())
}

/// The bodies of an exercise after the edits of a variant; `reference` in the order of the items.
pub fn edited(exercise: &Exercise, reference: &[String], edits: &[Edit]) -> Result<Vec<String>> {
    let mut bodies = reference.to_vec();
    for edit in edits {
        let is_meant = |place: &usize| {
            let named = edit.item.as_ref().is_none_or(|name| *name == exercise.items[*place].name);
            let holds = edit.replace.as_ref().is_none_or(|old| bodies[*place].contains(old));
            named && holds
        };
        let places: Vec<usize> = (0..bodies.len()).filter(is_meant).collect();
        let [place] = places[..] else {
            anyhow::bail!("{}: {edit:?} fits {} functions, not one", exercise.id, places.len())
        };
        let body = &bodies[place];
        bodies[place] = match &edit.replace {
            None => laid_out(&edit.with, body),
            Some(old) => {
                let times = body.matches(old).count();
                ensure!(times == 1, "{}: `{old}` stands {times} times, not once", exercise.id);
                body.replace(old, &edit.with)
            }
        };
    }
    Ok(bodies)
}

/// What comes before a function's body, however it is laid out: what a reader must leave as it is.
pub fn signature(root: &Path, item: &ItemPath) -> Result<String> {
    let source = Source::read(&root.join(&item.file))?;
    let found = source.find(&item.name).with_context(|| item.file.clone())?;
    let body = found.body.with_context(|| format!("{} has no body", item.name))?;
    let lines = source.text().split_inclusive('\n');
    let start: usize = lines.take(found.lines.start() - 1).map(str::len).sum();
    let tokens: TokenStream = syn::parse_str(&source.text()[start..body.start])?;
    Ok(tokens.to_string())
}

/// The lines of a file's tests.
pub fn tests(root: &Path, file: &str) -> Result<Vec<String>> {
    let source = Source::read(&root.join(file))?;
    Ok(source.test_lines().into_iter().map(|line| source.lines[line - 1].clone()).collect())
}

#[cfg(test)]
mod tests;
