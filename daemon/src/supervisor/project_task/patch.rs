//! A change of settings applied to them (pure).

use crate::project::settings::Settings;
use crate::supervisor::handle::Patch;

/// The settings after a change; what the change leaves open stays.
pub(super) fn patched(settings: &Settings, patch: Patch) -> Settings {
    let mut now = settings.clone();
    patch.unset.iter().for_each(|setting| now.reset(*setting));
    Settings {
        name: now.name,
        path: patch.path.unwrap_or(now.path),
        template: patch.template.or(now.template),
        host: patch.host.unwrap_or(now.host),
        port: patch.port.or(now.port),
        env_vars: patch.env_vars.or(now.env_vars),
        parameter_overrides: patch.parameter_overrides.unwrap_or(now.parameter_overrides),
        sandbox: patch.sandbox.unwrap_or(now.sandbox),
        warm: patch.warm.unwrap_or(now.warm),
        region: patch.region.or(now.region),
        profile: patch.profile.or(now.profile),
        max_concurrency: patch.max_concurrency.unwrap_or(now.max_concurrency),
        idle_expiry: patch.idle_expiry.unwrap_or(now.idle_expiry),
        lambda_endpoint: patch.lambda_endpoint.unwrap_or(now.lambda_endpoint),
        tell_generation: patch.tell_generation.unwrap_or(now.tell_generation),
        build: patch.build.unwrap_or(now.build),
        samconfig: patch.samconfig.unwrap_or(now.samconfig),
        only_functions: patch.only_functions.unwrap_or(now.only_functions),
        gateway: now.gateway.patched(patch.gateway),
        containers: patch.containers.apply(now.containers),
        debug: patch.debug.apply(now.debug),
        memory_limit: patch.memory_limit.unwrap_or(now.memory_limit),
        freeze: patch.freeze.unwrap_or(now.freeze),
        jwks: patch.jwks.unwrap_or(now.jwks),
        build_commands: patch.build_commands.unwrap_or(now.build_commands),
    }
}
