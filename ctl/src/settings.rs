//! From options to the protocol's settings: paths made absolute, durations parsed.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use samd_proto::settings::{BuildCommand, PinnedKeys, SandboxChoice, SettingName, SettingsPatch, Warm};

use crate::Surroundings;
use crate::cli::{self, SettingsArgs};
use crate::containers;
use crate::exit::Failure;
use crate::overrides;

/// The setting that an option's name stands for.
pub(crate) fn named(option: cli::Unset) -> SettingName {
    match option {
        cli::Unset::Template => SettingName::Template,
        cli::Unset::Host => SettingName::Host,
        cli::Unset::Port => SettingName::Port,
        cli::Unset::EnvVars => SettingName::EnvVars,
        cli::Unset::ParameterOverrides => SettingName::ParameterOverrides,
        cli::Unset::Sandbox => SettingName::Sandbox,
        cli::Unset::Warm => SettingName::Warm,
        cli::Unset::Region => SettingName::Region,
        cli::Unset::Profile => SettingName::Profile,
        cli::Unset::MaxConcurrency => SettingName::MaxConcurrency,
        cli::Unset::IdleExpiry => SettingName::IdleExpiry,
        cli::Unset::BuildCommand => SettingName::BuildCommand,
    }
}

/// The change of settings that options ask for.
pub(crate) fn patch(arguments: &SettingsArgs, surroundings: &Surroundings) -> Result<SettingsPatch, Failure> {
    Ok(SettingsPatch {
        path: None,
        template: arguments.template.as_deref().map(|path| file(path, surroundings)).transpose()?,
        host: arguments.host.clone(),
        port: arguments.port,
        env_vars: arguments.env_vars.as_deref().map(|path| file(path, surroundings)).transpose()?,
        parameter_overrides: arguments.parameter_overrides.as_deref().map(overrides::parse).transpose()?,
        sandbox: arguments.sandbox.map(|sandbox| match sandbox {
            cli::Sandbox::Process => SandboxChoice::Process,
            cli::Sandbox::Docker => SandboxChoice::Docker,
            cli::Sandbox::Auto => SandboxChoice::Auto,
        }),
        warm: arguments.warm.map(|warm| match warm {
            cli::Warm::Eager => Warm::Eager,
            cli::Warm::Lazy => Warm::Lazy,
        }),
        region: arguments.region.clone(),
        profile: arguments.profile.clone(),
        max_concurrency: arguments.max_concurrency,
        idle_expiry_ms: arguments.idle_expiry.as_deref().map(duration_ms).transpose()?,
        lambda_endpoint: switch(arguments.lambda_endpoint, arguments.no_lambda_endpoint),
        containers: containers::patch(&arguments.containers, surroundings)?,
        debug_port: arguments.debug_port,
        debug_function: arguments.debug_function.clone(),
        debug_args: arguments.debug_args.clone(),
        debugger_path: arguments.debugger_path.as_deref().map(|path| debugger(path, surroundings)).transpose()?,
        container_env_vars: arguments
            .container_env_vars
            .as_deref()
            .map(|path| variables(path, surroundings))
            .transpose()?,
        memory_limit: switch(arguments.memory_limit, arguments.no_memory_limit),
        freeze: switch(arguments.freeze, arguments.no_freeze),
        tell_generation: switch(arguments.tell_generation, arguments.no_tell_generation),
        build: switch(arguments.build, arguments.no_build),
        build_commands: arguments
            .build_command
            .as_ref()
            .map(|commands| commands.iter().map(|text| build_command(text)).collect())
            .transpose()?,
        samconfig: None,
        only_functions: None,
        gateway: None,
        unset: Vec::new(),
        jwks: match (&arguments.jwks, arguments.no_jwks) {
            (Some(pins), _) => Some(pins.iter().map(|text| pin(text, surroundings)).collect::<Result<_, _>>()?),
            (None, true) => Some(Vec::new()),
            (None, false) => None,
        },
    })
}

/// A pair of flags, the last of which counts.
pub(crate) fn switch(on: bool, off: bool) -> Option<bool> {
    match (on, off) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// An existing file, absolute; an empty path takes the setting back.
fn variables(path: &Path, surroundings: &Surroundings) -> Result<std::path::PathBuf, Failure> {
    if path.as_os_str().is_empty() { Ok(path.to_path_buf()) } else { file(path, surroundings) }
}

/// An existing folder, absolute; an empty path takes the setting back.
pub(crate) fn debugger(path: &Path, surroundings: &Surroundings) -> Result<std::path::PathBuf, Failure> {
    if path.as_os_str().is_empty() {
        return Ok(path.to_path_buf());
    }
    let folder = file(path, surroundings)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(Failure::Usage(format!(
        "{} is no folder; --debugger-path names the folder that holds the debugger",
        path.display()
    )))
}

/// `FUNCTION=COMMAND`.
fn build_command(text: &str) -> Result<BuildCommand, Failure> {
    match text.split_once('=') {
        Some((function, command)) if !function.is_empty() && !command.trim().is_empty() => {
            Ok(BuildCommand { function: function.to_owned(), command: command.to_owned() })
        }
        _ => Err(Failure::Usage(format!("`{text}` is no build command; try --build-command 'Orders=make orders'"))),
    }
}

/// `AUTHORIZER=FILE`; neither names nor issuers have an equals sign.
fn pin(text: &str, surroundings: &Surroundings) -> Result<PinnedKeys, Failure> {
    let form = || Failure::Usage(format!("`{text}` has not the form AUTHORIZER=FILE"));
    let (subject, path) = text.split_once('=').filter(|(subject, _)| !subject.is_empty()).ok_or_else(form)?;
    Ok(PinnedKeys { subject: subject.to_owned(), file: file(Path::new(path), surroundings)? })
}

/// An existing file, absolute.
pub(crate) fn file(path: &Path, surroundings: &Surroundings) -> Result<std::path::PathBuf, Failure> {
    let absolute = surroundings.absolute(path);
    if absolute.exists() {
        return Ok(absolute);
    }
    Err(Failure::Usage(format!("there is no {}", path.display())))
}

/// `90s`, `15m`, `1h 30m`; a bare number counts seconds.
fn duration_ms(text: &str) -> Result<u64, Failure> {
    let duration = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(seconds.into()),
        Err(_) => text.parse().map_err(|_| Failure::Usage(format!("`{text}` is no duration; try 90s or 15m")))?,
    };
    u64::try_from(duration.as_millis()).map_err(|_| Failure::Usage(format!("`{text}` is no duration; try 90s or 15m")))
}

/// `10m` before `now`, or a time such as `2026-01-31T12:00:00Z`; in milliseconds since 1970.
pub(crate) fn since_ms(text: &str, now: Timestamp) -> Result<u64, Failure> {
    let wrong = || Failure::Usage(format!("`{text}` is no time; try 10m, 2h, or 2026-01-31T12:00:00Z"));
    let time = match text.parse::<SignedDuration>() {
        Ok(ago) => now.checked_sub(ago.abs()).map_err(|_| wrong())?,
        Err(_) => text.parse::<Timestamp>().or_else(|_| local_time(text)).map_err(|_| wrong())?,
    };
    u64::try_from(time.as_millisecond()).map_err(|_| wrong())
}

/// A time without a zone is meant as the user's clock shows it.
fn local_time(text: &str) -> Result<Timestamp, jiff::Error> {
    let time: jiff::civil::DateTime = text.parse()?;
    Ok(time.to_zoned(jiff::tz::TimeZone::system())?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_count_seconds() {
        assert_eq!(duration_ms("90s").unwrap(), 90_000);
        assert_eq!(duration_ms("1h 30m").unwrap(), 5_400_000);
        assert_eq!(duration_ms("5").unwrap(), 5_000);
        assert!(duration_ms("soon").is_err() && duration_ms("-5s").is_err());
    }

    #[test]
    fn a_build_command_names_its_function() {
        let built = build_command("Orders=make A=1").unwrap();
        assert_eq!((built.function.as_str(), built.command.as_str()), ("Orders", "make A=1"));
        assert!(build_command("make orders").is_err() && build_command("=make").is_err());
    }

    #[test]
    fn since_is_an_age_or_a_time() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let ten_minutes_ago = since_ms("10m", now).unwrap();
        assert_eq!(ten_minutes_ago, since_ms("2026-01-31T11:50:00Z", now).unwrap());
        assert!(since_ms("yesterday-ish", now).is_err());
    }
}
