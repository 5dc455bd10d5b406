use super::*;

fn read(line: &str) -> Result<Asked, Usage> {
    super::read(line.split_whitespace().map(OsString::from))
}

fn run(line: &str) -> Run {
    match read(line).unwrap().what {
        What::Run(run) => *run,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_account_is_read_from_flags() {
    let run = run(
        "run --json --server=wss://h/ws --user 1 --turn turn:a --turn turn:b --turn-user u --password-stdin --ca x.pem --codecs g722,opus --bitrate 64000",
    );
    let account = run.account.unwrap();
    assert!(run.json && !run.practice);
    assert_eq!((account.server.as_deref(), account.user.as_deref()), (Some("wss://h/ws"), Some("1")));
    assert_eq!((account.turn, account.password), (vec!["turn:a".to_owned(), "turn:b".to_owned()], Password::Stdin));
    assert_eq!(account.ca, Some(PathBuf::from("x.pem")));
    assert_eq!((account.codecs, account.bitrate), (Some(vec!["g722".to_owned(), "opus".to_owned()]), Some(64_000)));
}

#[test]
fn without_account_flags_the_stored_ones_are_used() {
    assert!(run("run --practice --mic none").account.is_none());
}

#[test]
fn what_is_not_understood_is_said() {
    for (line, said) in [
        ("", "command is missing"),
        ("dance", "no command dance"),
        ("run run", "one command"),
        ("run --nope", "no flag --nope"),
        ("run --user", "needs a value"),
        ("run --json=yes", "takes no value"),
        ("echo-test --user 1", "no flag of echo-test"),
        ("devices --practice", "no flag of devices"),
        ("run --user 1", "--domain or --server"),
        ("run --domain a", "needs --user"),
        ("run --user 1 --domain a --turn x", "--turn-user"),
        ("run --user 1 --domain a --password-env A --password-stdin", "one place"),
        ("run --user 1 --domain a --keepalive often", "--keepalive takes"),
        ("run --user 1 --domain a --bitrate much", "--bitrate needs a number"),
        ("run --log loud", "--log takes"),
        ("load --mode fast", "--mode takes opus or encoded, not fast"),
        ("load --calls 0", "--calls takes a number from 1 to 30000, not 0"),
        ("load --calls many", "--calls takes a number"),
        ("load --calls 30001", "--calls takes a number"),
        ("load --cores 100000", "--cores takes a number from 1 to"),
        ("load --seconds 3601", "--seconds takes a number"),
        ("load --seconds -1", "--seconds takes a number"),
        ("load --user 1", "no flag of load"),
        ("run --calls 4", "no flag of run"),
    ] {
        let usage = read(line).unwrap_err();
        assert!(usage.0.contains(said), "{line:?}: {usage}");
    }
}

#[test]
fn a_load_is_read_from_flags() {
    use phone::load::Mode;

    let load = |line| match read(line).unwrap().what {
        What::Load(load) => load,
        other => panic!("{other:?}"),
    };
    let first = Load { json: false, mode: Mode::Opus, calls: None, cores: 1, seconds: 10 };
    assert_eq!(load("load"), first);
    let line = "load --json --mode encoded --calls 4 --cores=1 --seconds 2";
    assert_eq!(load(line), Load { json: true, mode: Mode::Encoded, calls: Some(4), seconds: 2, ..first });
}

#[test]
fn help_and_version_go_before_everything() {
    assert!(matches!(read("-h").unwrap().what, What::Help));
    assert!(matches!(read("run --nothing --help").err(), Some(Usage(_))));
    assert!(matches!(read("run --help").unwrap().what, What::Help));
    assert!(matches!(read("--version").unwrap().what, What::Version));
    for flag in FLAGS {
        assert!(help().contains(flag.name), "{}", flag.name);
    }
    assert!(help().lines().all(|line| line.chars().count() <= 120));
}
