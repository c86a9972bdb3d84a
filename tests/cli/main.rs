//! The command line, met as users meet it: words in, text and an exit code out.
//!
//! `*.trycmd` are cases to read: the folder is the manual's proof. With TRYCMD=overwrite in
//! the environment they are written anew, after a change that is meant. What takes several processes, signals or damage is in the modules.

mod damage;
mod deploy;
mod server;
#[path = "../serving/mod.rs"]
mod serving;
mod streams;
mod support;
mod token;
mod top;

#[test]
fn cases() {
    trycmd::TestCases::new().env("NO_COLOR", "1").case("tests/cli/*.trycmd");
}
