//! Golden cases of API Gateway's rules, the table of all rules, and what was recorded from AWS.
//!
//! A case is a folder under `golden/apigw/`, named `<rule>-<claim>`, with `case.json` (what is given) and `expected.json`
//! (what the rules say), or one under `golden/served/`: a conversation with the daemon. `BLESS=1` writes the expected files
//! and `conformance.md` anew. A rule that nothing shows fails the tests unless its line says `not met:` and why.

mod recorded;
mod served;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use samd_tests::apigw::answer;
use serde_json::Value;

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn bless() -> bool {
    std::env::var_os("BLESS").is_some_and(|value| value == "1")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

type Results = BTreeMap<String, Result<(), String>>;

/// Every case's name and whether the rules say what it expects; run once for all tests of this module.
fn cases() -> &'static Results {
    static CASES: OnceLock<Results> = OnceLock::new();
    CASES.get_or_init(run_all)
}

fn run_all() -> Results {
    let mut results = BTreeMap::new();
    for entry in fs::read_dir(home().join("golden/apigw")).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            results.insert(name, run(&folder));
        }
    }
    results
}

fn run(folder: &Path) -> Result<(), String> {
    let said = answer(&read(&folder.join("case.json")));
    let expected = folder.join("expected.json");
    if bless() {
        fs::write(&expected, pretty(&said)).unwrap();
    }
    let wanted = read(&expected);
    if said == wanted { Ok(()) } else { Err(format!("said {}\nexpected {}", pretty(&said), pretty(&wanted))) }
}

#[test]
fn every_golden_case_holds() {
    let results = cases();
    assert!(results.len() > 100, "only {} cases were found", results.len());
    let failures: Vec<String> =
        results.iter().filter_map(|(name, result)| Some(format!("{name}: {}", result.as_ref().err()?))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// One line of `golden/apigw/rules.tsv`.
struct Rule {
    number: String,
    evidence: String,
    claim: String,
    /// What shows the rule where no golden case does (`e2e <topic>::<test>`, `template <case>`), or `not met: <why>`.
    elsewhere: String,
}

fn rules() -> Vec<Rule> {
    let table = fs::read_to_string(home().join("golden/apigw/rules.tsv")).unwrap();
    let rule = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        Rule { number: next(), evidence: next(), claim: next(), elsewhere: next() }
    };
    table.lines().filter(|line| !line.is_empty()).map(rule).collect()
}

fn conformance(results: &Results) -> String {
    let mut table = String::from(
        "# Conformance of API Gateway's rules\n\nMade by `tests/apigw.rs` (`BLESS=1`); not edited by hand. Evidence: R recorded \
         from AWS, D documented, S from AWS's sources, K consistently reported, I inferred. `pass` is by golden \
         cases of the rules, `end to end` by golden conversations with the daemon or the test that is named.\n\n| rule | evidence | claim | \
         state | cases |\n|---|---|---|---|---|\n",
    );
    for rule in rules() {
        let (state, cases) = state(&rule, results);
        writeln!(table, "| {} | {} | {} | {state} | {cases} |", rule.number, rule.evidence, rule.claim).unwrap();
    }
    table
}

/// Whether a rule is met, and what shows it.
///
/// # Panics
/// Nothing shows it, and it is not said why.
fn state(rule: &Rule, results: &Results) -> (&'static str, String) {
    let prefix = format!("{}-", rule.number);
    let mine: Vec<_> = results.iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
    let conversations = conversations().iter().filter(|name| name.starts_with(&prefix)).count();
    let count = mine.len() + conversations;
    match &rule.elsewhere {
        _ if mine.iter().any(|(_, result)| result.is_err()) => ("**not met**", count.to_string()),
        _ if !mine.is_empty() => ("pass", count.to_string()),
        _ if conversations > 0 => ("end to end", count.to_string()),
        elsewhere if has_end_to_end_test(elsewhere) => ("end to end", elsewhere.clone()),
        elsewhere if has_golden_template(elsewhere) => ("pass", elsewhere.clone()),
        elsewhere => match elsewhere.strip_prefix("not met: ") {
            Some(reason) => ("**not met**", reason.to_owned()),
            None => panic!("{} has no golden case, and what stands for one is none: {elsewhere:?}", rule.number),
        },
    }
}

/// The golden conversations with the daemon; `served` has them.
fn conversations() -> Vec<String> {
    let there = fs::read_dir(home().join("golden/served")).unwrap().map(|entry| entry.unwrap().path());
    let whole = there.filter(|case| case.join("requests.txt").exists() && case.join("expected.txt").exists());
    whole.map(|case| case.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// Whether `e2e <topic>::<test>` names a test that there is.
fn has_end_to_end_test(elsewhere: &str) -> bool {
    let Some((topic, test)) = elsewhere.strip_prefix("e2e ").and_then(|named| named.split_once("::")) else {
        return false;
    };
    let source = fs::read_to_string(home().join(format!("{topic}.rs"))).unwrap_or_default();
    assert!(source.contains(&format!("#[test]\nfn {test}()")), "{elsewhere}: there is no such test");
    true
}

/// Whether `template <case>` names a golden template, whose own test holds its diagnostics.
fn has_golden_template(elsewhere: &str) -> bool {
    let Some(case) = elsewhere.strip_prefix("template ") else { return false };
    let there = home().join("golden/template").join(case).join("diagnostics.txt").exists();
    assert!(there, "{elsewhere}: there is no such golden template");
    true
}

#[test]
fn the_conformance_table_is_what_the_cases_say() {
    let (table, path) = (conformance(cases()), home().join("conformance.md"));
    if bless() {
        fs::write(&path, &table).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    let changed: Vec<&str> = table.lines().filter(|line| !kept.lines().any(|kept| kept == *line)).collect();
    assert!(kept == table, "run with BLESS=1 and look at what changed: {changed:#?}");
}

#[test]
fn every_case_belongs_to_a_rule() {
    let rules = rules();
    for name in cases().keys().chain(&conversations()) {
        let known = rules.iter().any(|rule| name.starts_with(&format!("{}-", rule.number)));
        assert!(known, "{name} has no rule in golden/apigw/rules.tsv");
    }
}
