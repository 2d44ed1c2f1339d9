//! Builds a function's image from its Metadata, when it is missing or its files changed.
//!
//! The digest of the files is a label of the image, so that a daemon that comes back builds nothing that is there. When a
//! build fails, the last good image goes on, and a note says so.

use std::collections::{HashMap, VecDeque};

use bollard::models::{BuildInfo, ImageInspect};
use bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt;
use tokio_util::io::ReaderStream;

use crate::project::FunctionId;
use crate::project::function::ImageBuild;
use crate::project::settings::ProjectName;
use crate::sandbox::engine::Engine;
use crate::sandbox::progress::Step;
use crate::sandbox::{Delay, StartError};

use super::Images;
use super::context::Context;

/// The label with the digest of what an image was built from.
const CONTEXT: &str = "samd.context";
/// Lines of a failed build that are told.
const LAST_LINES: usize = 8;

/// The name of the image that is built for a function: the daemon's own, so that no other of the user's is replaced.
#[must_use]
pub(super) fn name(project: &ProjectName, function: &FunctionId, build: &ImageBuild) -> String {
    let part = |text: &str| -> String {
        let plain = text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
        let text: String = plain.collect::<String>().to_ascii_lowercase();
        text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    };
    format!("samd/{}/{}:{}", part(&project.0), part(&function.0), build.tag)
}

/// An image for a build, and why it is the one from before, where it is.
pub(super) type Built = (ImageInspect, Option<String>);

impl Images {
    /// The image, built for a platform when it is missing, its files changed, or `force` asks for it.
    ///
    /// # Errors
    /// It cannot be built, and there is none from before.
    pub(super) async fn built(
        &self,
        engine: &Engine,
        name: &str,
        (build, platform): (&ImageBuild, &str),
        force: bool,
        delay: &Delay,
    ) -> Result<Built, StartError> {
        let is_of = |image: &ImageInspect, digest: &String| !force && label(image) == Some(digest);
        let digest = on_a_thread(build, |build| Context::of(build)?.digest()).await?;
        if let Some(image) = self.local(engine, name).await?.filter(|image| is_of(image, &digest)) {
            return Ok((image, None));
        }
        delay.expect(name);
        let _one_at_a_time = self.alone(name).await;
        let work = self.board.begin(name);
        let here = self.local(engine, name).await?;
        // Its files may be others again, and it may have been built, while this one waited.
        let (digest, archive) = on_a_thread(build, packed).await?;
        if let Some(image) = here.as_ref().filter(|image| is_of(image, &digest)) {
            work.end(None);
            return Ok((image.clone(), None));
        }
        let outcome = self.build_now(engine, options(name, build, platform, &digest), archive).await;
        work.end(outcome.as_ref().err().map(|problem| problem.reason.clone()));
        match (outcome, here) {
            (Ok(()), _) => {
                remove_superseded(engine).await;
                let image = self.present(engine, name, "look at what the build printed").await?;
                Ok((image, None))
            }
            (Err(problem), Some(image)) => {
                tracing::error!(image = name, %problem, "the last good image goes on");
                Ok((image, Some(problem.reason)))
            }
            (Err(problem), None) => Err(problem),
        }
    }

    async fn build_now(
        &self,
        engine: &Engine,
        options: BuildImageOptions,
        archive: std::fs::File,
    ) -> Result<(), StartError> {
        let name = options.t.clone().unwrap_or_default();
        tracing::info!(image = name, "building");
        let body = bollard::body_try_stream(ReaderStream::new(tokio::fs::File::from_std(archive)));
        let mut steps = std::pin::pin!(engine.docker.build_image(options, None, Some(body)));
        let mut last = VecDeque::new();
        while let Some(step) = steps.next().await {
            let problem = match step {
                Ok(step) => {
                    self.hear(&name, &step, &mut last);
                    step.error_detail.and_then(|detail| detail.message)
                }
                Err(problem) => Some(problem.to_string()),
            };
            if let Some(problem) = problem {
                let printed: Vec<String> = last.into();
                let reason = format!("image {name} cannot be built: {problem}\n{}", printed.join("\n"));
                return Err(StartError::place(reason.trim_end().to_owned()));
            }
        }
        tracing::info!(image = name, "built");
        Ok(())
    }

    fn hear(&self, name: &str, step: &BuildInfo, last: &mut VecDeque<String>) {
        let text = step.stream.as_deref().or(step.status.as_deref()).unwrap_or_default();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            tracing::debug!(image = name, line, "building");
            self.board.tell(name, Step::Building { line: line.to_owned() });
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(line.to_owned());
        }
    }
}

/// The digest of the files and their archive.
fn packed(build: &ImageBuild) -> std::io::Result<(String, std::fs::File)> {
    let context = Context::of(build)?;
    Ok((context.digest()?, context.archive()?))
}

async fn on_a_thread<T: Send + 'static>(
    build: &ImageBuild,
    work: impl FnOnce(&ImageBuild) -> std::io::Result<T> + Send + 'static,
) -> Result<T, StartError> {
    let of = build.clone();
    let done = tokio::task::spawn_blocking(move || work(&of)).await;
    let done = done.unwrap_or_else(|lost| Err(std::io::Error::other(lost)));
    done.map_err(|problem| {
        StartError::entry(&format!("no image can be built from {}: {problem}", build.context.display()))
    })
}

fn options(name: &str, build: &ImageBuild, platform: &str, digest: &str) -> BuildImageOptions {
    let args: HashMap<String, String> = build.args.clone().into_iter().collect();
    let labels = HashMap::from([(CONTEXT.to_owned(), digest.to_owned())]);
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&build.dockerfile)
        .t(name)
        .buildargs(&args)
        .labels(&labels)
        .platform(platform)
        .rm(true)
        .forcerm(true);
    match &build.target {
        Some(target) => options.target(target).build(),
        None => options.build(),
    }
}

fn label(image: &ImageInspect) -> Option<&String> {
    image.config.as_ref()?.labels.as_ref()?.get(CONTEXT)
}

/// Images of ours that lost their name to a newer one; those that still run go the next time.
async fn remove_superseded(engine: &Engine) {
    let filters = HashMap::from([("label", vec![CONTEXT]), ("dangling", vec!["true"])]);
    let listed = engine.docker.list_images(Some(ListImagesOptionsBuilder::new().filters(&filters).build())).await;
    for image in listed.unwrap_or_default() {
        let removed = engine.docker.remove_image(&image.id, Some(RemoveImageOptionsBuilder::new().build()), None).await;
        if let Err(problem) = removed {
            tracing::debug!(image = image.id, %problem, "an older image is still in use");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_image_has_a_name_that_an_engine_takes() {
        let build = ImageBuild {
            context: "/c".into(),
            dockerfile: "Dockerfile".into(),
            target: None,
            args: Default::default(),
            tag: "v1".into(),
        };
        let name = |project: &str, function: &str| {
            super::name(&ProjectName(project.into()), &FunctionId(function.into()), &build)
        };
        assert_eq!(name("My.Shop", "Nested/Orders"), "samd/my-shop/nested-orders:v1");
        assert_eq!(name("a_-b.", "F"), "samd/a-b/f:v1");
    }
}
