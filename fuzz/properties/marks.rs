//! Whatever a judge sends, it is a mark from 0 to 100 that stands in what it said, or it is kept as it was.

use finetune::{
    judge::{Verdict, parse_mark},
    run::judge::{Dialect, read_answer},
};

/// Holds for any bytes, taken as what the judge said and as the whole answer of its server.
pub fn holds(bytes: &[u8]) {
    let said = String::from_utf8_lossy(bytes);
    is_marked_or_kept(&said);
    for dialect in [Dialect::Ollama, Dialect::OpenAi] {
        if let Ok(said) = read_answer(dialect, bytes) {
            is_marked_or_kept(&said);
        }
    }
}

fn is_marked_or_kept(said: &str) {
    match parse_mark(said) {
        Verdict::Mark(mark) => {
            assert!(mark <= 100 && said.contains(&mark.to_string()), "{mark} is not in {said:?}");
        }
        Verdict::Unusable(kept) => assert_eq!(kept, said),
        Verdict::Failed(why) => panic!("what was said is no failure: {why}"),
    }
}
