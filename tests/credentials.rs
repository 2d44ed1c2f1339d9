//! Whose credentials and region functions get.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use samd::credentials::{Request, Resolved, Source, resolve};
use samd::template::Severity;

const CONFIG: &str = "\
[default]
region = eu-west-1
output = json

[profile work]
region = eu-central-1
aws_access_key_id = CONFIGKEY
aws_secret_access_key = configsecret
s3 =
  region = nested-region
  max_concurrent_requests = 20

[profile \"quoted\"]
region = sa-east-1

[profile role]
role_arn = arn:aws:iam::123456789012:role/dev
source_profile = work

[profile sso]
sso_session = company

[sso-session company]
sso_region = us-east-2
";
const CREDENTIALS: &str = "\
# keys as they come from AWS: with slashes, plus signs, and a hash
[default]
aws_access_key_id = DEFAULTKEY
aws_secret_access_key = de/fault+sec#ret==

[work]
AWS_ACCESS_KEY_ID = WORKKEY
aws_secret_access_key = worksecret
aws_session_token = worktoken

[half]
aws_access_key_id = HALFKEY
";

/// A home folder with shared files of these texts.
fn home(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/config"), config).unwrap();
    fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    home
}

fn ask(home: Option<&Path>, profile: Option<&str>, region: Option<&str>, caller: &[(&str, &str)]) -> Resolved {
    let caller = caller.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(resolve(Request { profile, region, home }, &caller))
}

/// Profile of the usual files.
fn profile(name: Option<&str>) -> Resolved {
    ask(Some(home(CONFIG, CREDENTIALS).path()), name, None, &[])
}

fn key(resolved: &Resolved) -> &str {
    resolved.credentials.access_key_id.reveal()
}

const CALLER: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "CALLERKEY"),
    ("AWS_SECRET_ACCESS_KEY", "callersecret"),
    ("AWS_SESSION_TOKEN", "callertoken"),
];

#[test]
fn without_anything_there_are_well_formed_stand_ins() {
    let resolved = ask(None, None, None, &[]);
    assert_eq!((resolved.source.clone(), resolved.region.as_str()), (Source::StandIn, "us-east-1"));
    let expected = [
        ("AWS_ACCESS_KEY_ID", "defaultkey"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_SECRET_ACCESS_KEY", "defaultsecret"),
    ];
    let expected: BTreeMap<String, String> = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(resolved.variables(), expected, "no session token: there is none");
    assert_eq!(resolved.diagnostics, []);
}

#[test]
fn the_callers_variables_go_before_a_profile_that_was_not_asked_for() {
    let home = home(CONFIG, CREDENTIALS);
    let mut caller = CALLER.to_vec();
    caller.push(("AWS_PROFILE", "work"));
    let resolved = ask(Some(home.path()), None, None, &caller);
    assert_eq!((key(&resolved), &resolved.source), ("CALLERKEY", &Source::Caller));
    assert_eq!(resolved.variables()["AWS_SESSION_TOKEN"], "callertoken");
    assert_eq!(resolved.region, "eu-central-1", "the profile still says where");
}

#[test]
fn a_profile_asked_for_goes_before_the_callers_variables() {
    let resolved = ask(Some(home(CONFIG, CREDENTIALS).path()), Some("work"), None, &CALLER);
    assert_eq!((key(&resolved), &resolved.source), ("WORKKEY", &Source::Profile("work".into())));
}

#[test]
fn the_default_profile_is_taken_when_nothing_is_said() {
    let resolved = profile(None);
    assert_eq!((key(&resolved), resolved.region.as_str()), ("DEFAULTKEY", "eu-west-1"));
    assert_eq!(resolved.credentials.secret_access_key.reveal(), "de/fault+sec#ret==");
}

#[test]
fn keys_of_the_credentials_file_go_before_those_of_the_config_file() {
    let resolved = profile(Some("work"));
    assert_eq!(key(&resolved), "WORKKEY");
    assert_eq!(resolved.credentials.session_token.unwrap().reveal(), "worktoken");
    assert_eq!(resolved.region, "eu-central-1", "not the one that is nested under s3");
}

#[test]
fn the_region_is_the_first_that_is_named() {
    let home = home(CONFIG, CREDENTIALS);
    let region = |asked, caller: &[_]| ask(Some(home.path()), Some("work"), asked, caller).region;
    let both = [("AWS_REGION", "ap-south-1"), ("AWS_DEFAULT_REGION", "ca-central-1")];
    assert_eq!(region(Some("us-west-2"), &both), "us-west-2");
    assert_eq!(region(None, &both), "ap-south-1");
    assert_eq!(region(None, &both[1..]), "ca-central-1");
    assert_eq!(region(None, &[]), "eu-central-1");
    assert_eq!(ask(Some(home.path()), Some("quoted"), None, &[]).region, "sa-east-1");
}

#[test]
fn files_are_read_from_where_the_variables_say() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (config, credentials) = (elsewhere.path().join("c"), elsewhere.path().join("k"));
    fs::write(&config, CONFIG).unwrap();
    fs::write(&credentials, "[default]\naws_access_key_id=OTHERKEY\naws_secret_access_key=s\n").unwrap();
    let caller =
        [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap())];
    let resolved = ask(Some(home("", "").path()), None, None, &caller);
    assert_eq!((key(&resolved), resolved.region.as_str()), ("OTHERKEY", "eu-west-1"));
}

#[test]
fn a_profile_that_is_not_there_is_named_with_those_that_are() {
    let resolved = profile(Some("wrok"));
    assert_eq!(resolved.source, Source::StandIn);
    let [diagnostic] = &resolved.diagnostics[..] else { panic!("{:?}", resolved.diagnostics) };
    assert_eq!(diagnostic.severity, Severity::Error);
    let said = diagnostic.to_string();
    assert!(
        said.contains("no AWS profile named wrok") && said.contains("default, half, quoted, role, sso, work"),
        "{said}"
    );
}

#[test]
fn what_only_aws_can_answer_says_so_and_the_way_that_works() {
    for (name, what) in [("role", "assumes a role"), ("sso", "signs in through IAM Identity Center")] {
        let resolved = profile(Some(name));
        assert_eq!(resolved.source, Source::StandIn);
        let said = resolved.diagnostics[0].to_string();
        assert!(said.contains(what) && said.contains("export-credentials"), "{said}");
        assert_eq!(resolved.diagnostics[0].severity, Severity::Warning);
    }
}

#[test]
fn half_a_pair_of_keys_is_no_pair() {
    assert!(profile(Some("half")).diagnostics[0].to_string().contains("no aws_secret_access_key"));
    let resolved = ask(None, None, None, &CALLER[..1]);
    assert_eq!(resolved.source, Source::StandIn);
    assert!(resolved.diagnostics[0].to_string().contains("only one of AWS_ACCESS_KEY_ID"));
}

#[test]
fn a_file_that_is_no_ini_file_is_named_with_its_line() {
    let resolved = ask(Some(home("[default]\nregion = eu-west-1\nnonsense\n", "").path()), None, None, &[]);
    let location = resolved.diagnostics[0].location.clone().unwrap();
    assert!(location.file.ends_with(".aws/config") && location.line >= 3, "{location}");
    assert_eq!(resolved.region, "us-east-1");
}

/// A profile whose process is this shell script.
fn process(script: &str) -> Resolved {
    let home = home("", "");
    let program = home.path().join("issue credentials");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("[profile issued]\ncredential_process = \"{}\" --for \"a b\"\n", program.display());
    fs::write(home.path().join(".aws/config"), config).unwrap();
    ask(Some(home.path()), Some("issued"), None, &[])
}

#[test]
fn a_credential_process_is_run_with_its_arguments() {
    let resolved = process(
        r#"[ "$2" = "a b" ] && echo '{"Version":1,"AccessKeyId":"ISSUED","SecretAccessKey":"s","SessionToken":"t","Expiration":"2030-01-01T00:00:00Z"}'"#,
    );
    assert_eq!((key(&resolved), &resolved.source), ("ISSUED", &Source::Process("issued".into())), "{resolved:?}");
}

#[test]
fn a_credential_process_that_fails_says_how_and_shows_nothing_of_its_output() {
    let cases = [
        ("echo topsecret; exit 3", "exit status: 3"),
        ("echo '{\"Version\":1,\"AccessKeyId\":\"topsecret\"}'", "no credentials as JSON"),
        ("echo '{\"Version\":\"topsecret\"}'", "no credentials as JSON"),
        ("echo '{\"Version\":2,\"AccessKeyId\":\"topsecret\",\"SecretAccessKey\":\"x\"}'", "version 2"),
    ];
    for (script, expected) in cases {
        let resolved = process(script);
        let said = format!("{resolved:?} {}", resolved.diagnostics[0]);
        assert!(said.contains(expected) && !said.contains("topsecret"), "{script}: {said}");
        assert_eq!(resolved.source, Source::StandIn);
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    let resolved = profile(Some("work"));
    let shown = format!("{resolved:?}");
    for secret in ["WORKKEY", "worksecret", "worktoken"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
