//! The daemon's own log, on standard error: text for people, JSON for collectors.
//!
//! Functions' output does not pass through here (see `logs`). Never logs a secret: types that hold one have a `Debug`
//! without it. Filters by target and level (`samd=debug,samd::gateway=trace`), without regular expressions.

use std::str::FromStr;

use tracing::Subscriber;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// The variable that sets the filter.
pub const VARIABLE: &str = "SAMD_LOG";

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("{VARIABLE}={filter} is no log filter: {cause}; write a level (info) or targets (samd=debug,sled=warn)")]
    Filter {
        /// What was given.
        filter: String,
        /// Why not.
        cause: String,
    },
    /// Somebody set up a log before.
    #[error("the log is set up already")]
    Twice,
}

/// Sets up the log of this process. `filter` is the value of [`VARIABLE`], where it is set.
///
/// # Errors
/// [`TelemetryError`].
pub fn init(format: LogFormat, filter: Option<&str>) -> Result<(), TelemetryError> {
    let subscriber = subscriber(format, filter, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)
}

/// The log's subscriber, writing to `writer`.
///
/// # Errors
/// [`TelemetryError::Filter`].
pub fn subscriber<W>(
    format: LogFormat,
    filter: Option<&str>,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(targets(filter)?);
    Ok(match format {
        LogFormat::Text => Box::new(registry.with(lines.with_ansi(false).with_target(false).boxed())),
        LogFormat::Json => Box::new(registry.with(lines.json().flatten_event(true).boxed())),
    })
}

/// Everything of ours from `info`, of others from `warn`, unless told otherwise.
fn targets(filter: Option<&str>) -> Result<Targets, TelemetryError> {
    match filter.map(str::trim).filter(|filter| !filter.is_empty()) {
        None => Ok(Targets::new().with_default(LevelFilter::WARN).with_target("samd", LevelFilter::INFO)),
        Some(filter) => Targets::from_str(filter)
            .map_err(|cause| TelemetryError::Filter { filter: filter.to_owned(), cause: cause.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(format: LogFormat, filter: Option<&str>) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, filter, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "samd::gateway", port = 3000, "serving");
            tracing::debug!(target: "samd::gateway", "a detail");
            tracing::info!(target: "sled", "a database's detail");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_is_a_line_an_event_without_escape_sequences() {
        let text = log(LogFormat::Text, None);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("INFO serving port=3000") && !text.contains('\x1b'), "{text}");
    }

    #[test]
    fn json_is_an_object_a_line() {
        let text = log(LogFormat::Json, None);
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((event["level"].as_str(), event["port"].as_i64()), (Some("INFO"), Some(3000)));
        assert_eq!(event["message"], "serving");
    }

    #[test]
    fn a_filter_names_targets_and_levels() {
        let text = log(LogFormat::Text, Some("samd=debug,sled=info"));
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_an_example() {
        let error = init(LogFormat::Text, Some("samd=loudly")).unwrap_err().to_string();
        assert!(error.contains("SAMD_LOG=samd=loudly is no log filter") && error.contains("samd=debug"), "{error}");
    }
}
