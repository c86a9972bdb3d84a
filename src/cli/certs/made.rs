//! What was made, and what comes next.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::pair::Pair;
use crate::cli::context::Context;
use crate::cli::output::print_json;

/// A certificate and its key.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    certificate: String,
    key: String,
    #[serde(skip)]
    what: &'static str,
    subject: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    not_after: String,
    #[serde(skip)]
    about_key: &'static str,
    /// A command.
    next: String,
}

/// What is said of it.
pub(super) struct About<'a> {
    pub(super) what: &'static str,
    pub(super) subject: &'a str,
    pub(super) names: &'a [String],
    pub(super) not_after: String,
    pub(super) about_key: &'static str,
    pub(super) next: String,
}

impl Made {
    pub(super) fn new(pair: &Pair, about: About<'_>) -> Made {
        Made {
            certificate: pair.certificate.display().to_string(),
            key: pair.key.display().to_string(),
            what: about.what,
            subject: about.subject.to_owned(),
            names: about.names.to_vec(),
            not_after: about.not_after,
            about_key: about.about_key,
            next: about.next,
        }
    }

    pub(super) fn print(&self, context: &Context, out: &mut impl Write) -> io::Result<()> {
        if context.is_json() {
            return print_json(out, self);
        }
        let names = if self.names.is_empty() {
            String::new()
        } else {
            format!(" for {}", self.names.join(", "))
        };
        writeln!(
            out,
            "made {}: {} `{}`{names}, valid until {}",
            self.certificate, self.what, self.subject, self.not_after
        )?;
        writeln!(out, "made {}: {}", self.key, self.about_key)?;
        writeln!(out, "next: {}", self.next)?;
        out.flush()
    }
}

/// A path as a shell takes it as one word.
pub(super) fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_to_a_shell() {
        for (path, expected) in [
            ("certs/ca.pem", "certs/ca.pem"),
            ("my certs/ca.pem", "'my certs/ca.pem'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(word(path.as_ref()), expected);
        }
    }
}
