//! What the command line takes and what it refuses.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_shows_an_example_in_its_help() {
    let mut commands = vec![(String::from("samctl"), Cli::command())];
    let mut seen = 0;
    while let Some((path, command)) = commands.pop() {
        let help = command.clone().render_long_help().to_string();
        assert!(help.contains("Examples:") && help.contains("  samctl "), "`{path} --help` has no example:\n{help}");
        for inner in command.get_subcommands() {
            commands.push((format!("{path} {}", inner.get_name()), inner.clone()));
        }
        seen += 1;
    }
    assert_eq!(seen, 20, "samctl, its 16 commands, the 3 of `daemon`");
}

#[test]
fn every_example_is_a_line_that_samctl_takes() {
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        let help = command.clone().render_help().to_string();
        for line in help.lines().filter(|line| line.starts_with("  samctl ") && !line.contains('\'')) {
            let typed = line.split("   ").next().unwrap().split('>').next().unwrap();
            assert!(parse(typed).is_ok(), "{line}: {}", parse(typed).unwrap_err());
        }
        commands.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn start_takes_all_settings() {
    let line = "samctl start shop --name s --port 3000 --host 0.0.0.0 --template t.yaml --env-vars e.json --sandbox \
                docker --warm eager --region eu-west-1 --profile p --max-concurrency 3 --idle-expiry 5m \
                --parameter-overrides A=1 B=2";
    let Command::Start(arguments) = parse(line).unwrap().command else { panic!("not start") };
    assert_eq!(arguments.project.as_deref(), Some("shop"));
    assert_eq!(arguments.settings.port, Some(3000));
    assert_eq!(arguments.settings.sandbox, Some(Sandbox::Docker));
    assert_eq!(arguments.settings.warm, Some(Warm::Eager));
    assert_eq!(arguments.settings.parameter_overrides.unwrap(), ["A=1", "B=2"]);
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    for line in ["samctl --output json list", "samctl list --output json"] {
        assert_eq!(parse(line).unwrap().global.output, OutputFormat::Json);
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for line in [
        "samctl",
        "samctl start --port 70000",
        "samctl start --max-concurrency 0",
        "samctl stop",
        "samctl invoke",
        "samctl invoke a b c",
        "samctl routes shop --template t.yaml",
        "samctl routes --parameter-overrides A=1",
        "samctl set --warm hot",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
