//! Options that samd does not have: each is refused with what to do instead, so that nobody waits for an effect that
//! never comes. Those without an effect on purpose (`--shutdown`, beta features) are not among them.

use super::arguments::{CommonArgs, LocalInvokeArgs, ServiceArgs};
use super::layers::Layers;
use crate::exit::Failure;

/// Refuses what was asked for and is not there, typed or not.
pub(super) fn check(arguments: &CommonArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    hook(arguments, layers)?;
    refuse(arguments.config.save_params, "--save-params", "write the options into samconfig.toml by hand")
}

fn hook(arguments: &CommonArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    let rest = &arguments.rest;
    let hook = layers.text("hook_name", rest.hook_name.as_deref(), None);
    let asked = hook.is_some() || rest.terraform_plan_file.is_some();
    let instead = "samd runs no Terraform; let `sam build --hook-name terraform` prepare the template, then give it as \
                   --template-file .aws-sam-iacs/iacs_metadata/template.json";
    refuse(asked, "--hook-name", instead)
}

/// What the commands that serve have beyond the common options.
pub(super) fn check_service(arguments: &ServiceArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    let still = layers.flag("no_watch", arguments.no_watch, None);
    refuse(still, "--no-watch", "samd always serves what the files say; copy the project to keep it as it is")
}

/// What `invoke` has beyond the common options.
pub(super) fn check_invoke(arguments: &LocalInvokeArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    let asked = [
        ("--runtime", layers.text("runtime", arguments.runtime.as_deref(), None), "change Runtime in the template"),
        (
            "--tenant-id",
            layers.text("tenant_id", arguments.tenant_id.as_deref(), None),
            "samd invokes no functions with tenant isolation yet",
        ),
        (
            "--durable-execution-name",
            layers.text("durable_execution_name", arguments.durable_execution_name.as_deref(), None),
            "samd runs no durable executions",
        ),
    ];
    asked.iter().try_for_each(|(option, asked, instead)| refuse(asked.is_some(), option, instead))
}

fn refuse(asked: bool, option: &str, instead: &str) -> Result<(), Failure> {
    if asked { Err(Failure::Usage(format!("{option} is not supported: {instead}"))) } else { Ok(()) }
}
