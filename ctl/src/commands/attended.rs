//! A call that may take its time, with what the daemon does about images shown meanwhile.

use std::sync::mpsc::{self, Sender};
use std::thread;

use samd_proto::endpoint::{Endpoint, Events};
use samd_proto::image::ImageProgress;
use samd_proto::reload::{EventsRequest, ReloadEvent};

use crate::client::Client;
use crate::exit::Failure;
use crate::show::{Output, image};

/// What is heard while a call goes on.
enum Heard<T> {
    Image(ImageProgress),
    Answer(Result<T, Failure>),
}

/// Calls, and shows pulls and builds until the answer is there.
pub(super) fn call<E>(client: &Client, request: E::Request, output: &mut Output<'_>) -> Result<E::Response, Failure>
where
    E: Endpoint,
    E::Request: Send + 'static,
    E::Response: Send + 'static,
{
    let (sender, heard) = mpsc::channel();
    let (follower, caller) = (client.clone(), client.clone());
    let images = sender.clone();
    // It ends with the first event after the answer, or with this program.
    thread::spawn(move || follow(&follower, &images));
    thread::spawn(move || sender.send(Heard::Answer(caller.call::<E>(&request))));
    let mut shown = image::Shown::default();
    for heard in heard {
        match heard {
            Heard::Image(progress) => output.progress(|paint| shown.line(&progress, paint))?,
            Heard::Answer(answer) => {
                output.progress(|_| shown.end())?;
                return answer;
            }
        }
    }
    Err(Failure::NoDaemon("the daemon broke off".to_owned()))
}

/// A daemon that tells no events tells the answer all the same.
fn follow<T>(client: &Client, heard: &Sender<Heard<T>>) {
    let Ok(events) = client.follow::<Events>(&EventsRequest { name: None, follow: true }) else { return };
    for event in events {
        match event {
            Ok(ReloadEvent::Image(progress)) => {
                if heard.send(Heard::Image(progress)).is_err() {
                    return;
                }
            }
            Ok(ReloadEvent::Reload(_) | ReloadEvent::Lagged { .. } | ReloadEvent::Unknown) => {}
            Err(_) => return,
        }
    }
}
