//! Having a judge mark answers (chapter 5.7).

use super::{
    marks_line,
    options::{JudgeOptions, Score},
};
use crate::{
    answers::Answered,
    run::judge::Judge,
    run::scoring::{self, Score as Mark, Summary},
    run::tasks,
};
use anyhow::{Context, Result, bail};
use std::{env, path::Path};
use train::run::terminal::say;

/// The judge that the options and the environment name.
pub fn judge(options: &JudgeOptions) -> Judge {
    let set = |name: &str| env::var(name).ok();
    match &options.judge_url {
        Some(address) => {
            Judge::openai(address, &options.judge_model).with_key(set("OPENAI_API_KEY").as_deref())
        }
        None => Judge::ollama(set("OLLAMA_HOST").as_deref(), &options.judge_model),
    }
}

/// Marks the answers of a file.
pub fn score_file(options: &Score) -> Result<()> {
    let answered = tasks::load_answers(&options.file)?;
    println!("{}", marks_line(&answered));
    let judge = judge(&options.judge);
    let beside = options.file.parent().unwrap_or(Path::new("")).join("scores.jsonl");
    let out = options.out.clone().unwrap_or(beside);
    score_and_report(&judge, &answered, options.repeat, &out)
}

/// Has answers marked and prints what came of it.
///
/// # Errors
/// If the judge cannot be asked, or has given no mark at all.
pub fn score_and_report(
    judge: &Judge,
    answered: &[Answered],
    repeats: usize,
    out: &Path,
) -> Result<()> {
    let total = answered.len() * repeats;
    let mut told = false;
    let scores = scoring::score_all(judge, answered, repeats, out, |score| {
        if let (false, Some(form)) = (told, judge.form()) {
            say(&format!(
                "judge           {} at {}, asked for {form}",
                judge.model(),
                judge.address()
            ));
            told = true;
        }
        let number = score.repeat * answered.len() + score.answer + 1;
        say(&format!("answer {number} of {total}: {}", verdict(score)));
    })
    .with_context(|| {
        let on = format!("; `finetune score` goes on from {}", out.display());
        format!("not all answers are marked{}", if out.is_file() { &on } else { "" })
    })?;
    match scoring::summarize(&scores) {
        Some(summary) => println!("{}", summary_line(&summary)),
        None => {
            bail!("the judge gave no mark; its {} replies are in {}", scores.len(), out.display())
        }
    }
    Ok(())
}

fn verdict(score: &Mark) -> String {
    match (&score.score, &score.unusable, &score.failed) {
        (Some(mark), ..) => mark.to_string(),
        (None, Some(text), _) => format!("no mark but {text:?}"),
        (None, None, why) => {
            format!("no mark, as the judge failed: {}", why.as_deref().unwrap_or_default())
        }
    }
}

fn summary_line(summary: &Summary) -> String {
    format!(
        "judge       {:.1} of 100 on average, {} to {}, over {} answers ({} replies were no mark, {} failed, spread {:.1})",
        summary.mean,
        summary.min,
        summary.max,
        summary.marked,
        summary.unusable,
        summary.failed,
        summary.spread
    )
}
