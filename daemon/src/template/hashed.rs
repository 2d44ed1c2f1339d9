//! Tables for look-ups by the hundred thousand, as a large template needs them: hashed quickly, with a seed of each process.

use foldhash::fast::RandomState;

/// A map.
pub(crate) type HashedMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A set.
pub(crate) type HashedSet<K> = std::collections::HashSet<K, RandomState>;
