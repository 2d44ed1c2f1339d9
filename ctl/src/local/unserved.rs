//! Options that samd does not have: each is refused with what to do instead, so that nobody waits for an effect that
//! never comes. Those without an effect on purpose (`--shutdown`, beta features) are not among them.

use super::arguments::{CommonArgs, LocalInvokeArgs, ServiceArgs};
use super::layers::Layers;
use crate::exit::Failure;

/// Refuses what was asked for and is not there, typed or not.
pub(super) fn check(arguments: &CommonArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    hook(arguments, layers)?;
    containers(arguments, layers)?;
    debugging(arguments, layers)?;
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

fn containers(arguments: &CommonArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    let typed = &arguments.containers;
    let text = |option, typed: &Option<String>, variable| layers.text(option, typed.as_deref(), variable).is_some();
    let list = |option, typed: &[String]| !layers.list(option, typed, None).is_empty();
    let flag = |option, typed, variable| layers.flag(option, typed, variable);
    let local = |host: Option<String>| host.is_some_and(|host| !["localhost", "127.0.0.1"].contains(&host.as_str()));
    let host = layers.text("container_host", typed.container_host.as_deref(), None);
    let interface = layers.text("container_host_interface", typed.container_host_interface.as_deref(), None);
    let asked = [
        ("--invoke-image", list("invoke_image", &typed.invoke_image)),
        ("--docker-network", text("docker_network", &typed.docker_network, Some("SAM_DOCKER_NETWORK"))),
        ("--container-host", local(host)),
        ("--container-host-interface", local(interface)),
        ("--add-host", list("add_host", &typed.add_host)),
        ("--container-dns", list("container_dns", &typed.container_dns)),
        (
            "--docker-volume-basedir",
            text("docker_volume_basedir", &typed.docker_volume_basedir, Some("SAM_DOCKER_VOLUME_BASEDIR")),
        ),
        ("--force-image-build", flag("force_image_build", typed.force_image_build, Some("SAM_FORCE_IMAGE_BUILD"))),
        ("--no-memory-limit", flag("no_memory_limit", typed.no_memory_limit, None)),
    ];
    asked.iter().try_for_each(|(option, asked)| refuse(*asked, option, "samd has no such setting for containers yet"))
}

fn debugging(arguments: &CommonArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    let typed = &arguments.debugging;
    let ports: Vec<String> = typed.debug_port.iter().map(u16::to_string).collect();
    let asked = [
        ("--debug-port", !layers.list("debug_port", &ports, Some("SAM_DEBUG_PORT")).is_empty()),
        ("--debug-args", layers.text("debug_args", typed.debug_args.as_deref(), Some("DEBUGGER_ARGS")).is_some()),
        ("--debugger-path", layers.path("debugger_path", typed.debugger_path.as_ref(), None).is_some()),
        ("--container-env-vars", layers.path("container_env_vars", typed.container_env_vars.as_ref(), None).is_some()),
    ];
    asked.iter().try_for_each(|(option, asked)| refuse(*asked, option, "samd starts no function under a debugger yet"))
}

/// What the commands that serve have beyond the common options.
pub(super) fn check_service(arguments: &ServiceArgs, layers: &Layers<'_>) -> Result<(), Failure> {
    let function = layers.text("debug_function", arguments.debug_function.as_deref(), None);
    refuse(function.is_some(), "--debug-function", "samd starts no function under a debugger yet")?;
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
