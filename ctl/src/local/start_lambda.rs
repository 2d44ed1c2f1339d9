//! `samctl local start-lambda`: serves the Lambda service for a template's functions until it is told to end.

use std::net::SocketAddr;

use samd_proto::daemon::DaemonStatusRequest;
use samd_proto::endpoint::{DaemonStatusOf, Start};
use samd_proto::project::StartRequest;

use super::arguments::StartLambdaArgs;
use super::foreground::{self, Foreground, PROJECT};
use super::news::Newsroom;
use super::own::{OwnDaemon, Wanted};
use super::plan::Plan;
use super::screen::Screen;
use crate::Surroundings;
use crate::exit::Ended;

/// The command's name in samconfig.
const COMMAND: &str = "local_start_lambda";
/// The port unless another is named.
const PORT: u16 = 3001;

pub(super) fn run(arguments: &StartLambdaArgs, surroundings: &mut Surroundings) -> Ended {
    let news = Newsroom::open()?;
    let mut plan = Plan::of(COMMAND, &arguments.common, surroundings)?;
    let address = plan.serve(&arguments.service, PORT)?;
    let wanted = Wanted { lambda: SocketAddr::new(address.ip()?, address.port), debug: plan.debug };
    plan.settings.only_functions = Some(plan.layers.list("function_logical_ids", &arguments.functions, None));
    // The template's APIs are not what is asked for here; they are out of the way on any port.
    plan.settings.port = Some(foreground::ANY_PORT.port());
    let request =
        StartRequest { name: PROJECT.to_owned(), settings: plan.settings, environment: surroundings.environment() };
    let log_file = plan.log_file;
    let daemon = OwnDaemon::start(wanted, surroundings)?;
    let mut screen = Screen::new(surroundings, log_file.as_deref())?;
    let status = foreground::started(daemon.client.call::<Start>(&request), &mut screen)?;
    news.follow_logs(&daemon.client, PROJECT, true)?;
    news.follow_reloads(&daemon.client, PROJECT)?;
    let endpoint = daemon.client.call::<DaemonStatusOf>(&DaemonStatusRequest {})?.lambda_endpoint;
    let functions = status.running.iter().flat_map(|running| &running.functions);
    let functions: Vec<&str> = functions.map(|function| function.id.as_str()).collect();
    screen.say(&format!("Functions that can be invoked: {}", functions.join(", ")))?;
    screen.say_at(&jiff::Zoned::now(), &format!(" * Running on {}", endpoint.unwrap_or_default()))?;
    screen.say_at(&jiff::Zoned::now(), "Press CTRL+C to quit")?;
    Foreground { news, daemon, screen, status }.serve(|_, _| Ok(()))
}
