//! The gentle form of an exercise asks questions: which of them a failure may come from.
//!
//! Where the text around the holes is as it was cut, what stands in their places are the reader's answers, and those that are
//! written as ours are right.

use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::exercises::{Edit, Exercise};
use super::level::Level;
use super::text;
use crate::source::Source;

/// A token and its line in the text.
type Token = (String, usize);
/// A question, and what is written in its place.
type Answer = (String, Vec<Token>);

/// Says which answers a failure may come from; nothing where that cannot be told.
pub fn suspects(project: &Path, folder: &Path, exercise: &Exercise) -> Result<Option<String>> {
    let asked = Level::Gentle.holes(exercise, &text::bodies(project, exercise)?)?;
    let theirs = text::bodies(folder, exercise)?;
    let (mut all, mut suspects) = (0, Vec::new());
    for ((item, asked), theirs) in exercise.items.iter().zip(&asked).zip(&theirs) {
        let Some(answers) = answers(exercise, asked, theirs)? else { return Ok(None) };
        let source = Source::read(&folder.join(&item.file))?;
        let before = source.text()[..source.body(&item.name)?.start].matches('\n').count();
        for (question, answer) in answers {
            all += 1;
            let words: Vec<&str> = answer.iter().map(|(word, _)| word.as_str()).collect();
            if ours(exercise, &question).is_none_or(|ours| ours != words) {
                let line = before + answer.first().map_or(1, |(_, line)| *line);
                suspects.push(format!("\n    {}:{line}  {question}", item.file));
            }
        }
    }
    let said = match suspects.len() {
        0 => return Ok(None),
        1 if all == 1 => return Ok(None),
        1 => "it is this answer; the others are right:",
        some if some < all => "it is one of these answers; the others are right:",
        _ => "it may be any of your answers:",
    };
    Ok(Some(said.to_owned() + &suspects.concat()))
}

/// The questions of a body and what is written in their places; nothing where more than that has changed.
fn answers(exercise: &Exercise, asked: &str, theirs: &str) -> Result<Option<Vec<Answer>>> {
    let asked = tokens(asked)?;
    let theirs = tokens(theirs)?;
    let mut answers = Vec::new();
    let (mut from, mut at) = (0, 0);
    for (hole, question) in holes(&asked, &format!("\"{}: ", exercise.id)) {
        let next = &asked[hole.end..];
        let around = &asked[from..hole.start];
        if !begins(&theirs[at..], around) {
            return Ok(None);
        }
        at += around.len();
        // What stands up to the next hole, or to the end, must follow the answer.
        let length = holes(next, "\"").first().map_or(next.len(), |(hole, _)| hole.start);
        let is_last = length == next.len();
        let end = (at..=theirs.len().saturating_sub(length)).find(|end| {
            begins(&theirs[*end..], &next[..length]) && (!is_last || end + length == theirs.len())
        });
        let Some(end) = end else { return Ok(None) };
        answers.push((question, theirs[at..end].to_vec()));
        (from, at) = (hole.end, end);
    }
    let is_whole = begins(&theirs[at..], &asked[from..]) && theirs.len() - at == asked.len() - from;
    Ok(is_whole.then_some(answers))
}

/// What we write in the place of a question; nothing where the edit that asks it changes more than that.
fn ours(exercise: &Exercise, question: &str) -> Option<Vec<String>> {
    let asks = format!("todo!(\"{question}\")");
    let Edit { replace, with, .. } =
        exercise.gentle.iter().find(|edit| edit.with.contains(&asks))?;
    let (old, with) = (tokens(replace.as_ref()?).ok()?, tokens(with).ok()?);
    let [(hole, _)] = &holes(&with, "\"")[..] else { return None };
    let (before, after) = (&with[..hole.start], &with[hole.end..]);
    let answer = between(&old, before, after)
        .or_else(|| between(&old, &without_type(before), after))
        .or_else(|| named(&old, before, after))?;
    Some(answer.iter().map(|(word, _)| word.clone()).collect())
}

fn between<'a>(tokens: &'a [Token], before: &[Token], after: &[Token]) -> Option<&'a [Token]> {
    let end = tokens.len().checked_sub(after.len()).filter(|end| *end >= before.len())?;
    let fits = begins(tokens, before) && begins(&tokens[end..], after);
    fits.then(|| &tokens[before.len()..end])
}

/// `let a =` for `let a: T =`, which is written so only for the hole.
fn without_type(tokens: &[Token]) -> Vec<Token> {
    let words: Vec<&str> = tokens.iter().map(|(word, _)| word.as_str()).collect();
    match words[..] {
        ["let", _, ":", .., "="] => [&tokens[..2], &tokens[tokens.len() - 1..]].concat(),
        _ => tokens.to_vec(),
    }
}

/// What stands in the place of `a` where our text has no `let a = …;` before it.
fn named<'a>(old: &'a [Token], before: &[Token], after: &[Token]) -> Option<&'a [Token]> {
    let [(start, _), (name, _), .., (equals, _)] = before else { return None };
    let [(end, _), rest @ ..] = after else { return None };
    let mut places = (0..rest.len()).filter(|place| rest[*place].0 == *name);
    let place = places.next()?;
    let is_let = start == "let" && equals == "=" && end == ";" && places.next().is_none();
    is_let.then(|| between(old, &rest[..place], &rest[place + 1..]))?
}

/// Where each `todo!("…")` stands whose text begins so, and what it asks.
fn holes(tokens: &[Token], mark: &str) -> Vec<(Range<usize>, String)> {
    let is_hole = |at: &usize| match &tokens[*at..] {
        [(todo, _), (bang, _), (open, _), (text, _), ..] => {
            todo == "todo" && bang == "!" && open == "(" && text.starts_with(mark)
        }
        _ => false,
    };
    let all = (0..tokens.len()).filter(is_hole);
    all.map(|at| {
        let question = tokens[at + 3].0[mark.len()..].trim_end_matches('"').to_owned();
        (at..at + 5, question)
    })
    .collect()
}

fn begins(tokens: &[Token], with: &[Token]) -> bool {
    tokens.len() >= with.len() && tokens.iter().zip(with).all(|(one, other)| one.0 == other.0)
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut found = Vec::new();
    flatten(syn::parse_str(text)?, &mut found);
    Ok(found)
}

fn flatten(tokens: TokenStream, found: &mut Vec<Token>) {
    for token in tokens {
        let line = token.span().start().line;
        let TokenTree::Group(group) = token else {
            found.push((token.to_string(), line));
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        found.push((open.to_owned(), line));
        flatten(group.stream(), found);
        found.push((close.to_owned(), group.span_close().start().line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    const OURS: &str =
        "fn f(a: &[u8]) -> u8 {\n    let most = a.len() as u8;\n    most.min(3) + a[0]\n}\n";
    const TOML: &str = "id = '1.1.1'\ntitle = 't'\ntask = 't'\njudges = []\nhints = ['', '', '']\nitems = ['a.rs#f']\n\
        [[gentle]]\nreplace = 'let most = a.len() as u8;'\nwith = 'let most: u8 = todo!(\"how many?\");'\n\
        [[gentle]]\nreplace = 'most.min(3)'\nwith = 'most.min(todo!(\"at most?\"))'\n";

    /// What is said where the holes are filled so.
    fn said(most: &str, limit: &str) -> Option<String> {
        said_of(&format!(
            "// Before it.\nfn f(a: &[u8]) -> u8 {{\n    let most: u8 = {most};\n    most.min(\n        {limit}\n    ) + a[0]\n}}\n"
        ))
    }

    fn said_of(theirs: &str) -> Option<String> {
        let folder = project(&[("ours/a.rs", OURS), ("theirs/a.rs", theirs)]);
        let exercise: Exercise = toml::from_str(TOML).expect("an exercise");
        suspects(&folder.path().join("ours"), &folder.path().join("theirs"), &exercise)
            .expect("compared")
    }

    #[test]
    fn the_one_answer_that_is_not_ours_is_named_with_its_line() {
        let said = |most, limit| said(most, limit).expect("an answer");
        assert_eq!(
            said("a.len() as u8", "4"),
            "it is this answer; the others are right:\n    a.rs:5  at most?"
        );
        assert_eq!(
            said("7", "3"),
            "it is this answer; the others are right:\n    a.rs:3  how many?"
        );
    }

    #[test]
    fn where_no_answer_is_ours_all_are_named_and_where_all_are_none() {
        assert_eq!(
            said("7", "4").expect("two answers"),
            "it may be any of your answers:\n    a.rs:3  how many?\n    a.rs:5  at most?"
        );
        assert_eq!(said("a.len()  as  u8", "3"), None, "spaces are nothing");
    }

    #[test]
    fn nothing_is_said_where_more_than_the_answers_has_changed() {
        for body in
            ["let most: u8 = 7; most.min(4) - a[0]", "let most = 7; most.min(4) + a[0]", "9"]
        {
            assert_eq!(said_of(&format!("fn f(a: &[u8]) -> u8 {{ {body} }}")), None, "{body}");
        }
    }

    #[test]
    fn what_we_write_is_found_without_the_lines_that_hold_the_hole() {
        for (replace, with, answer) in [
            ("a + 1", "a + todo!(\"q\")", Some("1")),
            ("let a = b;", "let a: T<U> = todo!(\"q\");", Some("b")),
            ("f(a, b) * c", "let one: u8 = todo!(\"q\");\nf(a, one) * c", Some("b")),
            ("a + a", "let b = todo!(\"q\");\nb + b", None),
            ("a += 1", "a = todo!(\"q\")", None),
        ] {
            let mut exercise: Exercise = toml::from_str(TOML).expect("an exercise");
            exercise.gentle =
                vec![Edit { item: None, replace: Some(replace.to_owned()), with: with.to_owned() }];
            assert_eq!(
                ours(&exercise, "q").map(|words| words.concat()).as_deref(),
                answer,
                "{with}"
            );
        }
    }

    #[test]
    fn most_questions_of_the_book_are_compared_with_what_we_write() {
        let project = xtask::project_root();
        let book = crate::learn::exercises::Book::read(&project).expect("exercises");
        let (mut all, mut known) = (0, 0);
        for exercise in book.exercises().filter(|exercise| !exercise.gentle.is_empty()) {
            let ours_whole = text::bodies(&project, exercise).expect("read");
            for body in Level::Gentle.holes(exercise, &ours_whole).expect("cut") {
                let asked = tokens(&body).expect("tokens");
                for (_, question) in holes(&asked, &format!("\"{}: ", exercise.id)) {
                    all += 1;
                    known += usize::from(ours(exercise, &question).is_some());
                }
            }
        }
        assert!(all > 100 && known * 4 > all * 3, "{known} of {all}");
    }
}
