//! Golden conversations: the rules that need a server behind the API, an issuer's keys, a stream or a second request,
//! with the real daemon and byte for byte.

use std::collections::BTreeMap;

use samd_tests::conversation::transcript;
use samd_tests::daemon::Daemon;
use samd_tests::golden;

#[test]
fn every_golden_conversation_holds() {
    let daemon = Daemon::start();
    golden::check("served", |case| BTreeMap::from([("expected.txt", transcript(&daemon, case))]));
}
