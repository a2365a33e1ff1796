//! The judges see every known mistake, and no more than mistakes.

use std::path::Path;

use anyhow::{Result, ensure};

use super::copy::made;
use super::kept::Kept;
use super::path::Road;
use super::schemata::{self, HOLE};
use crate::learn::exercises::{Book, Exercise};
use crate::learn::judge::{Judge, programs};
use crate::learn::judging::Court;
use crate::learn::manifests::Lints;
use crate::learn::programs::Build;
use crate::learn::state::chapter_of;
use crate::learn::symptoms::Symptoms;

/// Builds all solutions of the chosen exercises at once and has each judged; with `road` it is seen as well that they are what runs.
pub fn check(
    project: &Path,
    book: &Book,
    chosen: &[&Exercise],
    road: bool,
    keep: bool,
) -> Result<Vec<String>> {
    let folder = made(project, "variants", Lints::None, |folder| {
        book.exercises().try_for_each(|exercise| schemata::write(project, folder, exercise))
    })?;
    let judges: Vec<Judge> = chosen.iter().flat_map(|exercise| exercise.judges.clone()).collect();
    let build = build(&folder, &judges)?;
    let mut symptoms = Symptoms::read(project)?;
    let mut kept = Kept::read(project)?;
    let road = road.then(|| Road::new(project, &folder, book)).transpose()?;
    let mut findings = Vec::new();
    for exercise in chosen {
        let proof = Proof { project, folder: &folder, build: &build, book, exercise };
        let mut found = proof.run(&mut symptoms)?;
        if let Some(road) = &road {
            found.extend(road.check(project, exercise)?);
        }
        let verdict = if found.is_empty() { "ok" } else { "FAILS" };
        println!("  {:<6} {verdict:<6} {}", exercise.id, exercise.title);
        kept.note(project, exercise, found.is_empty())?;
        findings.extend(found.into_iter().map(|finding| format!("{}: {finding}", exercise.id)));
    }
    if keep {
        symptoms.write(project)?;
        kept.write(project, book)?;
    }
    Ok(findings)
}

fn build(folder: &Path, judges: &[Judge]) -> Result<Build> {
    let (tests, demos) = programs(judges);
    let mut whole = Build::default();
    if !tests.is_empty() {
        whole.join(built(Build::tests(folder, &tests)?)?);
    }
    if !demos.is_empty() {
        whole.join(built(Build::demos(folder, &demos)?)?);
    }
    Ok(whole)
}

fn built(build: Build) -> Result<Build> {
    let errors: Vec<_> = build.errors.iter().map(|error| error.rendered.as_str()).collect();
    ensure!(
        build.succeeded,
        "the solutions do not compile:\n{}{}",
        errors.concat(),
        build.complaint
    );
    Ok(build)
}

/// One exercise and all that is needed to judge its solutions.
struct Proof<'a> {
    project: &'a Path,
    folder: &'a Path,
    build: &'a Build,
    book: &'a Book,
    exercise: &'a Exercise,
}

impl Proof<'_> {
    fn run(&self, symptoms: &mut Symptoms) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        let judges = &self.exercise.judges;
        // Each judge must meet the hole, or it judges something else.
        for (judge, failure) in judges.iter().zip(self.court(HOLE, false).all(judges)?) {
            if failure.is_none() {
                findings.push(format!("{judge} passes with a hole"));
            }
        }
        if let Some(failure) = self.court("", true).first_failure(judges)? {
            findings.push(format!(
                "with all later exercises open, {} fails: {}",
                failure.judge, failure.message
            ));
        }
        for (place, variant) in self.exercise.wrong.iter().enumerate() {
            match self.court(&schemata::wrong(place), true).first_failure(judges)? {
                None => findings.push(format!("wrong and not seen: {}", variant.name)),
                Some(failure) if failure.hole().is_some() => {
                    findings.push(format!("{}: it only met a later hole", variant.name));
                }
                Some(failure) => symptoms.note(self.exercise, variant, &failure),
            }
        }
        for (place, variant) in self.exercise.right.iter().enumerate() {
            if let Some(failure) =
                self.court(&schemata::right(place), true).first_failure(judges)?
            {
                findings.push(format!(
                    "right and rejected: {}, by {}: {}",
                    variant.name, failure.judge, failure.message
                ));
            }
        }
        Ok(findings)
    }

    /// Judges of one solution, with the later exercises of the chapter open or as they are.
    fn court(&self, solution: &str, later_open: bool) -> Court<'_> {
        let mut variables = vec![(schemata::variable(self.exercise), solution.to_owned())];
        if later_open {
            let of_chapter = chapter_of(self.exercise);
            let later =
                self.book.exercises().skip_while(|other| other.id != self.exercise.id).skip(1);
            let open = later.filter(|other| chapter_of(other) == of_chapter);
            variables.extend(open.map(|other| (schemata::variable(other), HOLE.to_owned())));
        }
        Court { project: self.project, folder: self.folder, build: self.build, variables }
    }
}
