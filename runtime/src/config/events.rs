//! Reads where events go: the table `[events]`.

use super::names;
use super::problem::Problems;
use super::reader::{Expected, Table, boolean};
use super::tree::Tree;

/// Whether what hooks emit reaches the hooks of the app's other servers: the key `nodes` of the root table
/// `[events]`. Where nobody says so, it does if there is a Redis to go by.
pub(super) fn across_nodes(tree: &Tree, problems: &mut Problems) -> bool {
    let root = Table::root(tree.traced());
    let has_redis = root.field("redis").is_some();
    let Some(table) = root.table("events", problems) else { return has_redis };
    table.only(names::EVENTS, problems);
    let nodes = table.get("nodes", boolean, problems);
    if nodes == Some(true)
        && !has_redis
        && let Some(field) = table.field("nodes")
    {
        let expected = Expected::new("`false`, as there is no `[redis]` for events to go by")
            .hint("add `[redis]` with `url = \"redis://127.0.0.1:6379\"`");
        problems.push(field.problem(expected));
    }
    nodes.unwrap_or(has_redis) && has_redis
}
