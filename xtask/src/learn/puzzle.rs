//! `puzzle`: a known mistake is shown, and the reader says which judge sees it first.

use std::io::{BufRead, Write, stdin, stdout};
use std::time::SystemTime;

use anyhow::Result;

use super::exercises::{Exercise, Variant};
use super::state::{Reader, Status};
use super::symptoms::Symptoms;
use super::{Outcome, text, wrong_use};

/// Asks about an exercise that is done: the one that is named, or any.
pub fn run(reader: &Reader, id: Option<&str>) -> Result<Outcome> {
    let symptoms = Symptoms::read(reader.project)?;
    let puzzles = puzzles(reader, &symptoms, id)?;
    // Which one is nobody's business, as long as it is another one most of the time.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let chosen = puzzles.get(now.subsec_micros() as usize % puzzles.len().max(1));
    let Some((exercise, variant)) = chosen else {
        return Err(wrong_use(match id {
            Some(id) => format!(
                "{id} has no puzzle: puzzles are about exercises that are done and have more than one judge"
            ),
            None => "there is no puzzle yet: puzzles are about exercises that are done".to_owned(),
        }));
    };
    show(reader, exercise, variant)?;
    let [seen_by, message] = symptoms.of(exercise, variant).unwrap_or_default();
    let answer = ask(exercise.judges.len())?;
    let is_right = answer.is_some_and(|number| exercise.judges[number - 1].to_string() == seen_by);
    println!("{}: {seen_by} sees it first, and says", if is_right { "right" } else { "no" });
    message.lines().for_each(|line| println!("    {line}"));
    println!("  {}. {}", variant.name, variant.why);
    Ok(if is_right { Outcome::Done } else { Outcome::NotYet })
}

/// The mistakes that can be asked about.
fn puzzles<'a>(
    reader: &'a Reader,
    symptoms: &Symptoms,
    id: Option<&str>,
) -> Result<Vec<(&'a Exercise, &'a Variant)>> {
    let mut puzzles = Vec::new();
    if let Some(id) = id {
        reader.book.find(id)?;
    }
    for exercise in reader.book.exercises().filter(|one| id.is_none_or(|id| one.id == id)) {
        let is_done = matches!(reader.status(exercise)?, Status::Yours | Status::Given);
        if is_done && exercise.judges.len() > 1 {
            let known = exercise.wrong.iter().filter(|one| symptoms.of(exercise, one).is_some());
            puzzles.extend(known.map(|variant| (exercise, variant)));
        }
    }
    Ok(puzzles)
}

/// Shows the functions that a mistake changes, and who judges.
fn show(reader: &Reader, exercise: &Exercise, variant: &Variant) -> Result<()> {
    let ours = text::bodies(reader.project, exercise)?;
    let wrong = text::edited(exercise, &ours, &variant.edits)?;
    println!("{}  {}: what if this were written?\n", exercise.id, exercise.title);
    for ((item, ours), wrong) in exercise.items.iter().zip(&ours).zip(&wrong) {
        if ours != wrong {
            println!("{item}\n{wrong}\n");
        }
    }
    println!("its judges, in the order in which they are asked:");
    for (place, judge) in exercise.judges.iter().enumerate() {
        println!("  {}  {judge}", place + 1);
    }
    Ok(())
}

/// The number of a judge; nothing where there is no answer.
fn ask(judges: usize) -> Result<Option<usize>> {
    loop {
        print!("which of them sees it first? ");
        stdout().flush()?;
        let mut line = String::new();
        if stdin().lock().read_line(&mut line)? == 0 {
            println!();
            return Ok(None);
        }
        match number(&line, judges) {
            Some(number) => return Ok(Some(number)),
            None => println!("a number from 1 to {judges}; Ctrl-D gives up"),
        }
    }
}

fn number(line: &str, judges: usize) -> Option<usize> {
    line.trim().parse().ok().filter(|number| (1..=judges).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_a_judge_is_an_answer() {
        assert_eq!(number(" 2\n", 3), Some(2));
        for line in ["", "0", "4", "two", "-1"] {
            assert_eq!(number(line, 3), None, "{line}");
        }
    }
}
