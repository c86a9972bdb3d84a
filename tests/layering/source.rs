//! One Rust file as a list of tokens, without comments and literals: enough to see its paths.

/// A word or a punctuation mark, and the line it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// The inline modules around it, outermost first.
    pub(crate) modules: Vec<String>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the folder that was asked for, such as `log/store.rs`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let tokens = with_modules(tokens(&blank_out(text)));
        Source { path: path.to_owned(), text: text.to_owned(), tokens }
    }

    /// The path of the file's own module: `["log", "store"]` for `log/store.rs`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs");
        let mut module: Vec<&str> = path.split('/').collect();
        if matches!(module.last(), Some(&"mod" | &"lib" | &"main")) {
            module.pop();
        }
        module
    }

    /// The texts from token `at` on.
    pub(crate) fn texts(&self, at: usize) -> impl Iterator<Item = &str> {
        self.tokens[at..].iter().map(|token| token.text.as_str())
    }

    /// Whether token `at` starts this run of tokens.
    pub(crate) fn matches(&self, at: usize, run: &[&str]) -> bool {
        self.texts(at).take(run.len()).eq(run.iter().copied())
    }

    /// Whether token `at` is in a test module, in this file or as the whole of it.
    pub(crate) fn is_test(&self, at: usize) -> bool {
        self.module().contains(&"tests") || self.tokens[at].modules.iter().any(|m| m == "tests")
    }

    /// Where token `at` is, for a message.
    pub(crate) fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.tokens[at].line)
    }
}

/// The text with every comment and literal replaced by spaces; line ends stay.
fn blank_out(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + literal_len(&bytes[at..], at > 0 && is_word(bytes[at - 1])).max(1);
        if end > at + 1 {
            out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Length of the comment or literal that `rest` starts with, or 0.
fn literal_len(rest: &[u8], inside_word: bool) -> usize {
    match rest {
        [b'/', b'/', ..] => find(rest, b"\n").unwrap_or(rest.len()),
        [b'/', b'*', ..] => find(rest, b"*/").map_or(rest.len(), |at| at + 2),
        [b'r', b'"' | b'#', ..] if !inside_word => raw_string_len(rest, 1),
        [b'b', b'r', b'"' | b'#', ..] if !inside_word => raw_string_len(rest, 2),
        [b'"', ..] => 1 + quoted_len(&rest[1..], b'"'),
        [b'\'', b'\\', ..] => 3 + quoted_len(&rest[3..], b'\''),
        [b'\'', _, b'\'', ..] => 3,
        [b'\'', first, ..] if !first.is_ascii() => 1 + quoted_len(&rest[1..], b'\''),
        _ => 0,
    }
}

fn raw_string_len(rest: &[u8], prefix: usize) -> usize {
    let n_hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(prefix + n_hashes) != Some(&b'"') {
        return 0;
    }
    let end = [b"\"".as_slice(), &b"#".repeat(n_hashes)].concat();
    let body = prefix + n_hashes + 1;
    find(&rest[body..], &end).map_or(rest.len(), |at| body + at + end.len())
}

/// Length up to and including the closing `quote`, which a backslash may escape.
fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let word = rest.bytes().take_while(|byte| is_word(*byte)).count();
            let len = if word > 0 { word } else { 1 + usize::from(rest.starts_with("::")) };
            let (text, behind) = rest.split_at(len);
            let (text, line) = (text.to_owned(), number + 1);
            tokens.push(Token { text, line, modules: Vec::new() });
            rest = behind.trim_start();
        }
    }
    tokens
}

/// Notes for each token which inline modules it is in.
fn with_modules(mut tokens: Vec<Token>) -> Vec<Token> {
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    for at in 0..tokens.len() {
        match tokens[at].text.as_str() {
            "{" => {
                depth += 1;
                if at >= 2 && tokens[at - 2].text == "mod" {
                    open.push((tokens[at - 1].text.clone(), depth));
                }
            }
            "}" => {
                open.pop_if(|(_, opened_at)| *opened_at == depth);
                depth -= 1;
            }
            _ => {}
        }
        tokens[at].modules = open.iter().map(|(name, _)| name.clone()).collect();
    }
    tokens
}

#[test]
fn comments_and_literals_hold_no_tokens() {
    let text = "a // crate::x\n/* b */ c \"crate::\\\" y\" 'd' '\\'' r#\"e\"# &'f br\"g\" h::i";
    let source = Source::new("x.rs", text);
    assert_eq!(source.texts(0).collect::<Vec<_>>(), ["a", "c", "&", "'", "f", "h", "::", "i"]);
    assert_eq!(source.tokens[1].line, 2);
}

#[test]
fn inline_modules_are_known() {
    let source = Source::new("log/x.rs", "mod a { fn b() {} mod tests { c } } d");
    let of = |text: &str| {
        let at = source.texts(0).position(|token| token == text).expect("a token");
        source.tokens[at].modules.join("::")
    };
    assert_eq!([of("b"), of("c"), of("d")], ["a", "a::tests", ""]);
}
