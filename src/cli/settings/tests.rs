//! Values come from the file unless the command line has them; mistakes name file, line and key.

use clap::ArgMatches;

use super::*;
use crate::cli::command;

fn parse(config: &str, words: &[&str]) -> Result<ArgMatches, Failure> {
    let (command, _) = with_config(command(), Path::new("p.toml"), config)?;
    Ok(command.try_get_matches_from(words).expect("the words are right"))
}

fn raw(matches: &ArgMatches, id: &str) -> Vec<String> {
    let values = matches.get_raw(id).into_iter().flatten();
    values.map(|value| value.to_string_lossy().into_owned()).collect()
}

fn refused(config: &str) -> String {
    let failure = parse(config, &["proglog", "info"]).expect_err(config);
    assert_eq!((failure.exit, &*failure.code), (Exit::Usage, "config"));
    format!("{} {}", failure.message, failure.hint.unwrap_or_default())
}

const CONFIG: &str = "\
dir = '/data'
verbose = 2
quiet = true
[append]
fsync = 'interval:1s'
batch-records = 5
batch-bytes = 0x400
header = ['a:1', 'b:2']
[bench.append]
threads = 7
";

#[test]
fn values_come_from_the_file() {
    let matches = parse(CONFIG, &["proglog", "append"]).expect("good");
    let append = matches.subcommand_matches("append").expect("append");
    for (id, values) in [
        ("fsync", vec!["interval:1s"]),
        ("batch_records", vec!["5"]),
        ("batch_bytes", vec!["1024"]),
        ("header", vec!["a:1", "b:2"]),
        ("segment_bytes", vec!["1GiB"]),
    ] {
        assert_eq!(raw(append, id), values, "{id}");
    }
    assert_eq!(raw(&matches, "dir"), ["/data"]);
    assert_eq!(matches.get_count("verbose"), 2);
    assert!(matches.get_flag("quiet"));
    let matches = parse(CONFIG, &["proglog", "bench", "append"]).expect("good");
    let bench = matches.subcommand_matches("bench").expect("bench");
    assert_eq!(raw(bench.subcommand_matches("append").expect("append"), "threads"), ["7"]);
}

#[test]
fn the_command_line_goes_before_the_file() {
    let words = ["proglog", "append", "--dir=/mine", "--fsync", "never", "-H", "c:3"];
    let matches = parse(CONFIG, &words).expect("good");
    let append = matches.subcommand_matches("append").expect("append");
    assert_eq!(raw(append, "fsync"), ["never"]);
    assert_eq!(raw(append, "header"), ["c:3"]);
    assert_eq!(raw(&matches, "dir"), ["/mine"]);
}

#[test]
fn unknown_keys_are_named_with_their_place() {
    let message = refused("# comment\n\ndirr = 1\n");
    assert!(message.starts_with("p.toml, line 3: unknown key `dirr`"), "{message}");
    assert!(message.contains("known here: dir, "), "{message}");
    assert!(message.contains("[append]"), "{message}");
    let message = refused("[append]\nfsink = 'never'\n");
    assert!(message.starts_with("p.toml, line 2: unknown key `append.fsink`"), "{message}");
    assert!(refused("[appendd]\n").contains("line 1: unknown key `appendd`"));
    for never in [
        "config = 'x'",
        "help = true",
        "[repair]\nyes = true",
        "[append]\ndir = 'x'",
        "[serve]\ncheck-config = true",
    ] {
        assert!(refused(never).contains("unknown key"), "{never}");
    }
}

#[test]
fn bad_values_are_named_with_their_place() {
    for (config, said) in [
        ("\n[append]\nfsync = 'often'", "line 3: bad value for `append.fsync`: `often` is none of"),
        ("output = 'xml'", "bad value for `output`: `xml` is none of text, json"),
        ("dir = ['a']", "takes one value, not a list"),
        ("dir = true", "takes a value, not true or false"),
        ("quiet = 'yes'", "bad value for `quiet`: use true or false"),
        ("verbose = 'a lot'", "use a small number"),
        ("[append]\nbatch-records = 0", "at least 1"),
        ("[append]\nheader = ['a:1',\n'b']", "line 3: bad value for `append.header`: `b` is not"),
        ("[truncate]\nbefore = -5", "line 2: bad value for `truncate.before`"),
        ("dir = ", "line 1: "),
        ("a = 1\na = 2", "line 2: duplicate key"),
    ] {
        let message = refused(config);
        assert!(message.contains(said), "{config}: {message}");
    }
}

#[test]
fn each_setting_knows_who_said_it() {
    let config = "dir = '/data'\n\n[bench.append]\nthreads = 7\nbatch = 3\n";
    let (with_file, file) =
        with_config(command(), Path::new("p.toml"), config).expect("a good file");
    let words = ["proglog", "bench", "append", "--batch", "5", "--no-progress"];
    let matches = with_file.try_get_matches_from(words).expect("the words are right");
    let settings = Settings::of(&command(), &matches, Some(&file));
    assert_eq!(settings.file.as_deref(), Some(Path::new("p.toml")));
    for (key, value, source) in [
        ("dir", "\"/data\"", "p.toml, line 1"),
        ("no-progress", "true", "command line"),
        ("quiet", "false", "default"),
        ("bench.append.threads", "7", "p.toml, line 4"),
        ("bench.append.batch", "5", "command line"),
        ("bench.append.fsync", "\"always\"", "default"),
    ] {
        let setting = settings.all.iter().find(|setting| setting.dotted() == key).expect(key);
        assert_eq!(setting.value.as_ref().expect(key).to_string(), value, "{key}");
        assert_eq!(setting.source.to_string(), source, "{key}");
    }
    let unset = settings.all.iter().find(|setting| setting.key == "server").expect("a flag");
    assert_eq!((&unset.value, &unset.source), (&None, &Source::Default));
}
