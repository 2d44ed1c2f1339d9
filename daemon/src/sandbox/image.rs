//! Which image a function runs in, and bringing it here: once for all functions that need it.
//!
//! Names follow AWS's base images, `public.ecr.aws/lambda/<family>:<version>-<architecture>` (J). Knows nothing of
//! containers.

mod build;
mod context;
mod pull;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::models::ImageInspect;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::OwnedMutexGuard;

use crate::project::function::{Architecture, Function, ImageBuild, Package, Runtime};
use crate::project::settings::ProjectName;

use super::engine::Engine;
use super::progress::Board;
use super::{Delay, StartError};

/// AWS's public repositories of base images.
const REGISTRY: &str = "public.ecr.aws/lambda";

/// The name of the image that a function runs in.
///
/// # Errors
/// Lambda has no such runtime, or an image function names no image.
pub fn name(function: &Function) -> Result<String, StartError> {
    if let Some(image) = &function.hosting.image {
        return Ok(image.clone());
    }
    match &function.package {
        Package::Zip { runtime, .. } => base(runtime, function.architecture),
        Package::Image { uri: Some(uri), .. } => Ok(uri.clone()),
        Package::Image { uri: None, .. } => Err(StartError::entry(
            "the function names neither an ImageUri nor, in Metadata, a Dockerfile to build its image from",
        )),
    }
}

/// AWS's base image of a runtime.
fn base(runtime: &Runtime, architecture: Architecture) -> Result<String, StartError> {
    let tag = match runtime {
        Runtime::Python { minor } => format!("python:3.{minor}"),
        Runtime::Node { major } => format!("nodejs:{major}"),
        Runtime::Provided(name) => match name.strip_prefix("provided.") {
            Some(system) => format!("provided:{system}"),
            None if name == "provided" => "provided:alami".to_owned(),
            // Go's runtime is a program named by the handler, on the first Amazon Linux.
            None => "go:1".to_owned(),
        },
        Runtime::Container(name) => family_and_version(name),
        Runtime::Unknown(name) => return Err(StartError::entry(&format!("Lambda has no runtime {name}"))),
    };
    Ok(format!("{REGISTRY}/{tag}-{}", architecture_name(architecture)))
}

/// `java8.al2` is `java:8.al2`, `dotnet8` is `dotnet:8`, `ruby3.3` is `ruby:3.3`.
fn family_and_version(name: &str) -> String {
    let digit = name.find(|letter: char| letter.is_ascii_digit()).unwrap_or(name.len());
    let (family, version) = name.split_at(digit);
    format!("{family}:{version}")
}

fn architecture_name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "arm64",
    }
}

/// As the engine names platforms.
#[must_use]
pub fn platform(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "linux/amd64",
        Architecture::Arm64 => "linux/arm64",
    }
}

/// A pull that several wait for; it is given up when nobody does any more.
type Pulling = Shared<BoxFuture<'static, Result<(), StartError>>>;
type WeakPulling = WeakShared<BoxFuture<'static, Result<(), StartError>>>;

/// Images that are here or on their way.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// One build at a time for each image.
    works: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    /// The pulls that are under way, by image and platform.
    pulls: Arc<Mutex<HashMap<(String, String), WeakPulling>>>,
    /// Where their progress is told.
    pub board: Board,
}

impl Images {
    /// Images whose progress is told on `board`.
    #[must_use]
    pub fn new(board: Board) -> Images {
        Images { works: Arc::default(), pulls: Arc::default(), board }
    }

    /// The image, when it is here.
    ///
    /// # Errors
    /// The engine does not say.
    pub async fn local(&self, engine: &Engine, name: &str) -> Result<Option<ImageInspect>, StartError> {
        match engine.docker.inspect_image(name).await {
            Ok(image) => Ok(Some(image)),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(problem) => Err(StartError::place(format!("the engine does not tell of image {name}: {problem}"))),
        }
    }

    /// The image, which has to be here; `else_do` is what pulls it.
    ///
    /// # Errors
    /// It is not here.
    pub async fn present(&self, engine: &Engine, name: &str, else_do: &str) -> Result<ImageInspect, StartError> {
        let found = self.local(engine, name).await?;
        found.ok_or_else(|| StartError::place(format!("image {name} is not here; pull it, or {else_do}")))
    }

    /// A function's image with its name, pulled or built where need be, and why it is not the one that was asked for.
    ///
    /// # Errors
    /// It cannot be brought here; the sentence names image and cause.
    pub async fn of(
        &self,
        engine: &Engine,
        project: &ProjectName,
        function: &Function,
        delay: &Delay,
    ) -> Result<(String, ImageInspect, Option<String>), StartError> {
        let (hosting, platform) = (&function.hosting, platform(function.architecture));
        if let Some(build) = to_build(function) {
            let name = build::name(project, &function.id, build);
            let (image, behind) = self.built(engine, &name, (build, platform), hosting.force_build, delay).await?;
            return Ok((name, image, behind));
        }
        let name = name(function)?;
        let image = match hosting.skip_pull {
            true => self.present(engine, &name, "leave --skip-pull-image out").await?,
            false => self.ensure(engine, &name, platform, delay).await?,
        };
        Ok((name, image, None))
    }

    /// The image, pulled when it is not here.
    ///
    /// # Errors
    /// It cannot be pulled; the sentence names image and cause.
    pub async fn ensure(
        &self,
        engine: &Engine,
        name: &str,
        platform: &str,
        delay: &Delay,
    ) -> Result<ImageInspect, StartError> {
        if let Some(image) = self.local(engine, name).await? {
            return Ok(image);
        }
        // Who waits for it already goes on waiting for the same pull.
        let pull = self.pulling(engine, name, platform);
        delay.expect(name);
        pull.await?;
        let pulled = self.local(engine, name).await?;
        pulled.ok_or_else(|| StartError::place(format!("image {name} was pulled and is not here")))
    }

    /// The one pull of an image, which all share who need it.
    fn pulling(&self, engine: &Engine, name: &str, platform: &str) -> Pulling {
        let mut pulls = self.pulls.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), platform.to_owned());
        if let Some(pull) = pulls.get(&key).and_then(WeakShared::upgrade) {
            return pull;
        }
        pulls.retain(|_, pull| pull.upgrade().is_some());
        let (engine, board) = (engine.clone(), self.board.clone());
        let (image, platform) = key.clone();
        let pull = async move {
            let work = board.begin(&image);
            let outcome = pull::pull(&engine, &image, &platform, &board).await;
            work.end(outcome.as_ref().err().map(|problem| problem.reason.clone()));
            outcome
        };
        let pull = pull.boxed().shared();
        pulls.extend(pull.downgrade().map(|weak| (key, weak)));
        pull
    }

    /// Waits until nobody else builds an image.
    async fn alone(&self, name: &str) -> OwnedMutexGuard<()> {
        let work =
            self.works.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
        work.lock_owned().await
    }
}

/// How a function's image is built, unless another one is named; a template from elsewhere may name an image without the
/// files that it was built from.
fn to_build(function: &Function) -> Option<&ImageBuild> {
    let Package::Image { build: Some(build), uri, .. } = &function.package else { return None };
    let is_here = uri.is_none() || build.context.is_dir();
    Some(build).filter(|_| is_here && function.hosting.image.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_of(runtime: &str, architecture: Architecture) -> String {
        base(&Runtime::parse(runtime), architecture).unwrap()
    }

    #[test]
    fn runtimes_have_awss_base_images() {
        for (runtime, image) in [
            ("python3.11", "python:3.11"),
            ("nodejs20.x", "nodejs:20"),
            ("provided.al2023", "provided:al2023"),
            ("provided.al2", "provided:al2"),
            ("java8.al2", "java:8.al2"),
            ("java21", "java:21"),
            ("dotnet8", "dotnet:8"),
            ("ruby3.3", "ruby:3.3"),
        ] {
            let expected = format!("public.ecr.aws/lambda/{image}-x86_64");
            assert_eq!(base_of(runtime, Architecture::X86_64), expected);
        }
        assert!(base_of("python3.13", Architecture::Arm64).ends_with("-arm64"));
        let unknown = base(&Runtime::parse("cobol85"), Architecture::X86_64).unwrap_err();
        assert!(unknown.reason.contains("cobol85"), "{unknown}");
    }
}
