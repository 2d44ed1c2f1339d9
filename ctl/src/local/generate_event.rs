//! `samctl local generate-event`: prints a sample event. Which there are, with which options, is data (`sample_events`);
//! the command line is made of it, so that a service or an event is added without code.

use std::ffi::OsString;
use std::io::Write;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};

use super::arguments::GenerateEventArgs;
use super::layers::Layers;
use super::sample_events::{self, Event, Service};
use super::{help, samconfig};
use crate::Surroundings;
use crate::exit::{Ended, Failure, Outcome};

pub(super) fn run(arguments: &GenerateEventArgs, surroundings: &mut Surroundings) -> Ended {
    let services = sample_events::all()?;
    let words = std::iter::once(OsString::from("generate-event")).chain(arguments.words.iter().cloned());
    let typed = match command(&services).try_get_matches_from(words) {
        Ok(typed) => typed,
        Err(error) if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Err(wrong(&error));
        }
        Err(error) => {
            write!(surroundings.out, "{}", error.render())?;
            return Ok(Outcome::Done);
        }
    };
    let Some((service, event, typed)) = chosen(&services, &typed) else {
        return Err(Failure::Usage("a service and an event have to be named".to_owned()));
    };
    let text = generate(service, event, typed, surroundings)?;
    writeln!(surroundings.out, "{text}")?;
    Ok(Outcome::Done)
}

/// clap's own words, without the `error: ` that is put before every failure.
fn wrong(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    Failure::Usage(text.trim_start_matches("error: ").trim_end().to_owned())
}

fn generate(
    service: &Service,
    event: &Event,
    typed: &ArgMatches,
    surroundings: &Surroundings,
) -> Result<String, Failure> {
    let section = format!("local_generate_event_{}_{}", service.name, event.name).replace('-', "_");
    let file = typed.get_one::<String>("config-file").map(std::path::PathBuf::from);
    let environment = typed.get_one::<String>("config-env").map(String::as_str);
    let config = samconfig::options(&section, file.as_deref(), environment, &surroundings.folder)?;
    let layers = Layers::new(surroundings, config);
    event.generate(|option| {
        let typed = typed.get_one::<String>(option).map(String::as_str);
        layers.text(&option.replace('-', "_"), typed, None)
    })
}

fn chosen<'a, 'm>(services: &'a [Service], typed: &'m ArgMatches) -> Option<(&'a Service, &'a Event, &'m ArgMatches)> {
    let (name, typed) = typed.subcommand()?;
    let service = services.iter().find(|service| service.name == name)?;
    let (name, typed) = typed.subcommand()?;
    Some((service, service.events.iter().find(|event| event.name == name)?, typed))
}

fn command(services: &[Service]) -> Command {
    let root = Command::new("generate-event").bin_name("samctl local generate-event");
    root.about("Print a sample event of an AWS service")
        .after_help(help::GENERATE_EVENT)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands(services.iter().map(of_service))
}

fn of_service(service: &Service) -> Command {
    let names: Vec<&str> = service.events.iter().map(|event| event.name.as_str()).collect();
    Command::new(service.name.clone())
        .about(names.join(", "))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands(service.events.iter().map(of_event))
}

fn of_event(event: &Event) -> Command {
    let options = event.options.iter().map(|option| {
        let default = if option.default.is_empty() { "nothing" } else { option.default.as_str() };
        Arg::new(option.name.clone())
            .long(option.name.clone())
            .value_name("TEXT")
            .allow_hyphen_values(true)
            .help(format!("[default: {default}]"))
    });
    let configuration = ["config-file", "config-env"].map(|name| Arg::new(name).long(name).hide(true));
    let debug = Arg::new("debug").long("debug").action(clap::ArgAction::SetTrue).hide(true);
    Command::new(event.name.clone()).about(event.about.clone()).args(options).args(configuration).arg(debug)
}
