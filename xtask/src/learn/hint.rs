//! `hint`: one step more each time.

use anyhow::Result;

use super::Outcome;
use super::state::Reader;

/// Shows the hints up to the next one.
pub fn run(reader: &mut Reader, id: Option<&str>) -> Result<Outcome> {
    let exercise = reader.chosen(id)?;
    let all = exercise.hints.len();
    let shown = (reader.state.hints.get(&exercise.id).copied().unwrap_or_default() + 1).min(all);
    println!("{}  {}", exercise.id, exercise.names());
    for (number, hint) in exercise.hints.iter().take(shown).enumerate() {
        println!("  hint {} of {all}", number + 1);
        for line in hint.trim().lines() {
            println!("    {line}");
        }
    }
    if shown == all {
        println!(
            "  that is all; `cargo learn give {}` puts our text in place of yours",
            exercise.id
        );
    }
    let id = exercise.id.clone();
    reader.state.hints.insert(id, shown);
    reader.state.write(&reader.folder)?;
    Ok(Outcome::Done)
}
