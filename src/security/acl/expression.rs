//! Regular expressions in a model and its rules. Casbin compiles one when it is asked, and panics if it
//! can't, so all of them are tried when the files are read.

use regex::Regex;

/// Casbin's functions whose second argument is an expression, and what stands for a part of a path in it.
const FUNCTIONS: [(&str, Option<&str>); 5] = [
    ("regexMatch", None),
    ("keyMatch2", Some(":[^/]*")),
    ("keyMatch3", Some(r"\{[^/]*\}")),
    ("keyMatch4", Some(r"\{[^/]*\}")),
    ("keyMatch5", Some(r"\{[^/]+?\}")),
];

/// The expressions that the rules of a model have: by field, and for which function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expressions(Vec<(String, usize)>);

impl Expressions {
    /// Of a matcher, as Casbin has it after parsing. One that stands in the matcher itself is tried at once.
    pub(super) fn of(matcher: &str) -> Result<Expressions, String> {
        let mut of_rules = Vec::new();
        for (function, (name, _)) in FUNCTIONS.iter().enumerate() {
            for argument in second_arguments(matcher, name) {
                if let Some(field) = argument.strip_prefix("p_") {
                    of_rules.push((field.to_owned(), function));
                } else if argument.starts_with("r_") {
                    let of_caller =
                        format!("its `{name}` takes what a caller says for an expression");
                    return Err(format!("{of_caller}; the rule's is the second argument"));
                } else if let Some(literal) = argument.strip_prefix('"') {
                    try_out(function, literal.trim_end_matches('"'))?;
                }
            }
        }
        Ok(Expressions(of_rules))
    }

    /// Whether a rule may have this in its field.
    pub(super) fn check(&self, field: &str, value: &str) -> Result<(), String> {
        let functions = self.0.iter().filter(|(name, _)| name == field);
        functions.map(|(_, function)| *function).try_for_each(|function| try_out(function, value))
    }
}

fn try_out(function: usize, text: &str) -> Result<(), String> {
    let (name, placeholder) = FUNCTIONS[function];
    let expression = match placeholder.map(Regex::new) {
        None => text.to_owned(),
        Some(Ok(part)) => part.replace_all(&text.replace("/*", "/.*"), "[^/]+").into_owned(),
        Some(Err(error)) => return Err(error.to_string()),
    };
    let tried = Regex::new(&expression).map_err(|error| error.to_string());
    tried.map(drop).map_err(|error| {
        // Its last line says what is wrong; those before it only point there.
        let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{}` is no expression for `{name}`: {reason}", text.escape_debug())
    })
}

/// The second argument of every call of a function.
fn second_arguments<'a>(matcher: &'a str, name: &str) -> Vec<&'a str> {
    let calls = matcher.match_indices(name).filter_map(|(at, _)| {
        let arguments = matcher[at + name.len()..].trim_start().strip_prefix('(')?;
        arguments_of(arguments).get(1).copied()
    });
    calls.collect()
}

/// What stands between the commas up to the closing parenthesis.
fn arguments_of(text: &str) -> Vec<&str> {
    let (mut depth, mut is_quoted, mut start, mut arguments) = (0_usize, false, 0, Vec::new());
    for (at, character) in text.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ',' if depth > 0 => {}
            ')' | ',' => {
                arguments.push(text[start..at].trim());
                start = at + 1;
                if character == ')' {
                    break;
                }
            }
            _ => {}
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_with_expressions_are_found() {
        let matcher =
            r#"regexMatch(r_sub, p_sub) && (keyMatch2 (lower(r_obj, 1),p_obj)) || r_act == p_act"#;
        let expressions = Expressions::of(matcher).expect("sound");
        for (field, value, is_sound) in [
            ("sub", "(a|b).*", true),
            ("sub", "(", false),
            ("obj", "/logs/:name/*", true),
            ("obj", "/logs/(", false),
            ("act", "(", true),
        ] {
            assert_eq!(expressions.check(field, value).is_ok(), is_sound, "{field} {value}");
        }
        let of_braces = Expressions::of("keyMatch5(r_obj, p_obj)").expect("sound");
        of_braces.check("obj", "/logs/{name}").expect("sound");
        for bad in ["/logs/{}", "/a/{x}({y}"] {
            of_braces.check("obj", bad).expect_err(bad);
        }
        let said = expressions.check("sub", "a(").expect_err("refused");
        assert_eq!(said, "`a(` is no expression for `regexMatch`: unclosed group");
    }

    #[test]
    fn an_expression_in_the_matcher_is_tried_and_a_callers_never() {
        assert!(Expressions::of(r#"regexMatch(r_sub, "a|b,(c)")"#).is_ok());
        assert!(Expressions::of(r#"regexMatch(r_sub, "(")"#).is_err());
        assert!(Expressions::of("regexMatch(p_sub, r_sub)").is_err());
    }
}
