//! What a container is made with, as the engine takes it (pure): Lambda's limits and rights, AWS's places.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, PortBinding, ResourcesUlimits, RestartPolicy,
};

use crate::project::FunctionId;
use crate::project::function::{Function, Package};
use crate::project::settings::ProjectName;

use super::delivery::{Laid, bind};
use super::entry::Begin;
use super::gate;
use super::link::HOST_NAME;
use super::tmp::Tmp;

/// Whose a container is: the state folder of its daemon.
pub(super) const STATE: &str = "samd.state";
/// Names the project.
pub(super) const PROJECT: &str = "samd.project";
/// Names the function.
pub(super) const FUNCTION: &str = "samd.function";
/// Tells the project's generation that brought the version of the function for which the container was made. One that
/// waited serves a later one.
pub(super) const GENERATION: &str = "samd.generation";

/// Processes and threads that Lambda allows.
const MOST_PROCESSES: i64 = 1_024;
/// Open files that Lambda allows.
const MOST_FILES: i64 = 1_024;
/// With so many MB a function has one processor for itself.
const MB_PER_PROCESSOR: i64 = 1_769;
/// The engine's share of one processor, and the least that it takes.
const SHARES: (i64, i64) = (1_024, 2);

/// Whose a container is.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    /// The daemon's state folder.
    pub(super) state: PathBuf,
    /// The project.
    pub(super) project: ProjectName,
    /// The function.
    pub(super) function: FunctionId,
}

/// One container to be made.
pub(super) struct Plan<'a> {
    pub(super) function: &'a Function,
    pub(super) image: &'a str,
    pub(super) begin: Begin,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) laid: &'a Laid,
    pub(super) gate: Option<&'a Path>,
    pub(super) network: &'a str,
    pub(super) labels: &'a Labels,
    pub(super) generation: u64,
    pub(super) tmp: Tmp,
    /// The limit of a user's processes, where the engine's own is not to be.
    pub(super) most_processes: Option<i64>,
}

impl Labels {
    /// As the engine takes them.
    #[must_use]
    pub(super) fn map(&self) -> HashMap<String, String> {
        let pairs = [
            (STATE, self.state.display().to_string()),
            (PROJECT, self.project.0.clone()),
            (FUNCTION, self.function.0.clone()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Plan<'_> {
    /// As the engine takes it.
    #[must_use]
    pub(super) fn body(self) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(self.image.to_owned()),
            env: Some(self.variables.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            user: self.laid.user.clone(),
            working_dir: self.working_directory(),
            labels: Some(self.label_map()),
            host_config: Some(self.host()),
            exposed_ports: self.debug_port().map(|port| vec![port]),
            // When the daemon lets go of it, it ends.
            open_stdin: Some(self.is_attached()),
            attach_stdin: Some(self.is_attached()),
            stdin_once: Some(self.is_attached()),
            // The name under which extensions and the platform's telemetry know a sandbox.
            hostname: self.has_extensions().then(|| "sandbox".to_owned()),
            domainname: self.has_extensions().then(|| "localdomain".to_owned()),
            // As at AWS there is nothing to wait for; an engine that is stopped would wait ten seconds.
            stop_timeout: Some(0),
            // An empty entry point is the engine's word for "the image's".
            entrypoint: Some(self.begin.entry_point).filter(|entry| !entry.is_empty()),
            cmd: Some(self.begin.command),
            ..ContainerCreateBody::default()
        }
    }

    fn working_directory(&self) -> Option<String> {
        match &self.function.package {
            Package::Zip { .. } => Some("/var/task".to_owned()),
            Package::Image { working_directory, .. } => working_directory.clone(),
        }
    }

    fn label_map(&self) -> HashMap<String, String> {
        let generation = (GENERATION.to_owned(), self.generation.to_string());
        self.labels.map().into_iter().chain([generation]).collect()
    }

    fn host(&self) -> HostConfig {
        let limit = i64::from(self.function.memory_mb) << 20;
        let memory = (!self.function.serving.unlimited_memory).then_some(limit);
        let mut host = HostConfig {
            network_mode: Some(self.network.to_owned()),
            extra_hosts: Some(self.hosts()),
            dns: self.dns(),
            mounts: Some(self.mounts()),
            port_bindings: self.debug_port().map(|port| HashMap::from([(port, Some(vec![self.debugger()]))])),
            memory,
            // The same number for both means no swap.
            memory_swap: memory,
            cpu_shares: Some(shares(i64::from(self.function.memory_mb))),
            pids_limit: Some(MOST_PROCESSES),
            ulimits: Some(self.limits()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
            readonly_rootfs: Some(true),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            restart_policy: Some(RestartPolicy::default()),
            ..HostConfig::default()
        };
        self.tmp.lay_into(&mut host);
        host
    }

    fn limits(&self) -> Vec<ResourcesUlimits> {
        let limit =
            |name: &str, most| ResourcesUlimits { name: Some(name.to_owned()), soft: Some(most), hard: Some(most) };
        let files = limit("nofile", MOST_FILES);
        std::iter::once(files).chain(self.most_processes.map(|most| limit("nproc", most))).collect()
    }

    /// Names that the container knows: the user's, and the engine's for this machine.
    fn hosts(&self) -> Vec<String> {
        let theirs = self.function.hosting.add_hosts.iter().cloned();
        theirs.chain([format!("{HOST_NAME}:host-gateway")]).collect()
    }

    fn dns(&self) -> Option<Vec<String>> {
        let servers: Vec<String> = self.function.hosting.dns.iter().map(ToString::to_string).collect();
        Some(servers).filter(|servers| !servers.is_empty())
    }

    fn is_attached(&self) -> bool {
        self.begin.gate == Some(gate::Where::Attached)
    }

    fn has_extensions(&self) -> bool {
        matches!(self.begin.gate, Some(gate::Where::Extensions | gate::Where::Attached))
    }

    /// As the engine names the port on which a debugger may attach.
    fn debug_port(&self) -> Option<String> {
        self.function.serving.debug.as_ref().map(|debug| format!("{}/tcp", debug.port))
    }

    /// Where it attaches on this machine.
    fn debugger(&self) -> PortBinding {
        let port = self.function.serving.debug.as_ref().map(|debug| debug.port.to_string());
        PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: port }
    }

    fn mounts(&self) -> Vec<Mount> {
        let gate = self.gate.map(|folder| bind(folder, gate::INSIDE));
        self.laid.mounts.iter().cloned().chain(gate).collect()
    }
}

/// Lambda gives processor time by memory.
fn shares(memory_mb: i64) -> i64 {
    (memory_mb * SHARES.0 / MB_PER_PROCESSOR).max(SHARES.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing;

    fn body(function: &Function, tmp: Tmp) -> ContainerCreateBody {
        let laid = Laid { mounts: vec![bind(Path::new("/src"), "/var/task")], ..Laid::default() };
        let labels = Labels {
            state: PathBuf::from("/state"),
            project: ProjectName("shop".into()),
            function: FunctionId("Fn".into()),
        };
        let plan = Plan {
            function,
            image: "python:1",
            begin: Begin { entry_point: vec![], command: vec!["app.handler".into()], gate: None },
            variables: BTreeMap::from([("A".to_owned(), "b=c".to_owned())]),
            laid: &laid,
            gate: None,
            network: "bridge",
            labels: &labels,
            generation: 3,
            tmp,
            most_processes: None,
        };
        plan.body()
    }

    #[test]
    fn a_container_has_lambdas_limits_and_no_rights() {
        let host = body(&testing::function(), Tmp::Disk).host_config.unwrap();
        assert_eq!((host.memory, host.memory_swap), (Some(128 << 20), Some(128 << 20)));
        assert_eq!((host.cpu_shares, host.pids_limit), (Some(74), Some(1_024)));
        assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
        assert_eq!(host.security_opt.unwrap(), ["no-new-privileges:true"]);
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!(shares(1_769), 1_024);
    }

    #[test]
    fn without_a_limit_it_has_the_machines_memory_and_it_asks_the_servers_that_were_named() {
        let mut function = testing::function();
        function.serving.unlimited_memory = true;
        function.hosting.dns = vec![[10, 0, 0, 53].into()];
        let host = body(&function, Tmp::Disk).host_config.unwrap();
        assert_eq!((host.memory, host.memory_swap), (None, None));
        assert!(host.cpu_shares.is_some(), "processor time still goes by MemorySize");
        assert_eq!(host.dns, Some(vec!["10.0.0.53".to_owned()]));
    }

    #[test]
    fn tmp_in_memory_has_its_size_and_is_not_taken_from_the_functions_memory() {
        let host = body(&testing::function(), Tmp::Memory(512 << 20)).host_config.unwrap();
        assert_eq!((host.memory, host.memory_swap), (Some(640 << 20), Some(640 << 20)));
        assert_eq!(host.tmpfs.unwrap()["/tmp"], "rw,exec,nosuid,nodev,mode=1777,size=536870912");
        assert_eq!(host.mounts.unwrap().len(), 1, "the code alone");
    }

    #[test]
    fn code_is_read_only_at_its_place_and_tmp_on_disk_is_a_volume() {
        let body = body(&testing::function(), Tmp::Disk);
        let mounts = body.host_config.unwrap().mounts.unwrap();
        let seen: Vec<_> = mounts.iter().map(|mount| (mount.target.as_deref().unwrap(), mount.read_only)).collect();
        assert_eq!(seen, [("/var/task", Some(true)), ("/tmp", None)]);
        assert_eq!(body.env.unwrap(), ["A=b=c"]);
        assert_eq!(body.entrypoint, None);
        let labels = body.labels.unwrap();
        assert_eq!((labels[STATE].as_str(), labels[GENERATION].as_str()), ("/state", "3"));
    }
}
