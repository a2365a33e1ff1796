//! The form of a conversation, which is in a model's folder.

use crate::instructions::Entry;
use anyhow::{Context, Result};
use minijinja::{Environment, Error, ErrorKind, context, syntax::SyntaxConfig, value::Serde};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use train::run::weights::{self, Brought, tokenizer_folder};

const FILE: &str = "chat_template.jinja";
const SETTINGS: &str = "tokenizer_config.json";

/// One thing that somebody said.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(expecting = "an object with role and content")]
pub struct Message {
    /// system, user or assistant.
    pub role: String,
    /// What.
    pub content: String,
}

/// A template in Jinja's language, as transformers has them.
pub struct Template {
    source: Option<String>,
    end: String,
}

impl Template {
    /// That of a folder, else the one by which our own models learn; none for a model that has only learned to continue texts.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn find(name: &str, brought: &Brought) -> Result<Option<Self>> {
        let end = brought.tokenizer.end_mark().unwrap_or_default();
        let folder = tokenizer_folder(&brought.folder);
        let (file, settings) = (folder.join(FILE), folder.join(SETTINGS));
        let source = if file.is_file() {
            Some(
                fs::read_to_string(&file)
                    .with_context(|| format!("cannot read {}", file.display()))?,
            )
        } else if settings.is_file() {
            let settings: Value =
                serde_json::from_str(&fs::read_to_string(settings)?).unwrap_or_default();
            settings["chat_template"].as_str().map(str::to_owned)
        } else {
            None
        };
        let only_continues = weights::only_continues(name, &brought.folder);
        Ok((source.is_some() || !only_continues).then_some(Self { source, end }))
    }

    /// The prompt that asks for an answer to a conversation.
    ///
    /// # Errors
    /// If the template makes no sense, or refuses the conversation.
    pub fn prompt(&self, messages: &[Message]) -> Result<String> {
        let Some(source) = &self.source else { return Ok(alpaca(messages)) };
        let mut jinja = Environment::new();
        // As transformers sets it.
        jinja.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        jinja.add_function("raise_exception", |sentence: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, sentence))
        });
        let end = &self.end;
        let values = context! { messages => Serde(messages), add_generation_prompt => true, bos_token => end, eos_token => end };
        jinja
            .render_str(source, values)
            .context("the model's chat template does not take this conversation")
    }
}

/// The last question of a conversation in the form of section 5.2.
fn alpaca(messages: &[Message]) -> String {
    let last = messages.iter().rfind(|message| message.role == "user");
    let instruction = last.map_or_else(String::new, |message| message.content.clone());
    Entry { instruction, ..Entry::default() }.prompt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(role: &str, content: &str) -> Message {
        Message { role: role.to_owned(), content: content.to_owned() }
    }

    #[test]
    fn our_own_template_gives_the_prompt_that_a_model_learned_with() {
        let source = Some(crate::export::CHAT_TEMPLATE.to_owned());
        let template = Template { source, end: "<|endoftext|>".to_owned() };
        let entry = Entry { instruction: "Say {{ hello }} <b>.".into(), ..Entry::default() };
        let question = [says("user", &entry.instruction)];
        assert_eq!(template.prompt(&question).expect("a prompt"), entry.prompt());
        assert_eq!(
            Template { source: None, ..template }.prompt(&question).expect("a prompt"),
            entry.prompt()
        );
    }

    #[test]
    fn a_template_of_ones_own_gets_the_messages_and_may_refuse_them() {
        let source = "{% for m in messages %}\n{{ m.role }}: {{ m.content }}{{ eos_token }}\n{% endfor %}{% if messages|length > 2 %}{{ raise_exception('too long') }}{% endif %}";
        let template = Template { source: Some(source.to_owned()), end: "<end>".to_owned() };
        let both = [says("user", "a"), says("assistant", "b"), says("user", "c")];
        assert_eq!(
            template.prompt(&both[..2]).expect("a prompt"),
            "user: a<end>\nassistant: b<end>\n"
        );
        let said = format!("{:#}", template.prompt(&both).expect_err("a refusal"));
        assert!(said.contains("too long"), "{said}");
    }
}
