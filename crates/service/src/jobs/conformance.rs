//! What every job store and every queue must do, whatever keeps them. Each function is a test and takes a fresh one.

use std::time::Duration;

use super::job::{End, Input, Item, Output, Reason, Spec, State};
use super::sqlite::Sqlite;
use super::{Cancel, Entry, Filter, Inserted, JobStore, NewJob, Queue};

fn job(id: &str, owner: &str) -> NewJob {
    let input = Input::Url("https://example.org/a.png".into());
    let spec = Spec::of(input);
    NewJob { id: id.into(), owner: owner.into(), priority: 0, created: 1, spec, idempotency_key: None }
}

fn done() -> End {
    let (mime, sha256) = ("image/png".into(), "00".into());
    let output = Output {
        file: None,
        bytes: 1,
        mime,
        sha256,
        width: None,
        height: None,
        url: None,
        remarks: Vec::new(),
        items: Vec::new(),
    };
    End::Done(output)
}

fn state(store: &dyn JobStore, id: &str) -> State {
    store.get(id).expect("readable").expect("there").state
}

fn a_life(store: &dyn JobStore) {
    assert_eq!(store.insert(&job("a", "ann")).expect("kept"), Inserted::New);
    assert_eq!((state(store, "a"), store.waiting(None).expect("counted")), (State::Queued, 1));
    let begun = store.begin("a", 2).expect("readable").expect("queued");
    assert_eq!((begun.state, begun.attempts, begun.started), (State::Running, 1, Some(2)));
    assert!(store.begin("a", 3).expect("readable").is_none(), "it is begun once");
    assert!(!store.delete("a").expect("readable"), "it has not ended");
    assert!(store.finish("a", 1, &done(), 4).expect("kept"));
    assert!(!store.finish("a", 1, &End::Cancelled, 5).expect("kept"), "it ends once");
    assert_eq!(state(store, "a"), State::Done);
    assert_eq!(store.ended_before(4).expect("readable"), Vec::<String>::new());
    assert_eq!(store.ended_before(5).expect("readable"), ["a"]);
    assert!(store.delete("a").expect("deleted") && store.get("a").expect("readable").is_none());
}

fn an_old_attempt_has_nothing_to_say(store: &dyn JobStore) {
    store.insert(&job("a", "ann")).expect("kept");
    store.begin("a", 1).expect("readable");
    assert!(store.requeue("a", 1, false).expect("kept"));
    assert_eq!(store.begin("a", 2).expect("readable").expect("queued").attempts, 2);
    assert!(!store.finish("a", 1, &done(), 3).expect("kept") && !store.requeue("a", 1, false).expect("kept"));
    assert!(store.requeue("a", 2, true).expect("kept"), "an attempt that does not count");
    assert_eq!(store.begin("a", 4).expect("readable").expect("queued").attempts, 2);
}

fn cancelled_and_retried(store: &dyn JobStore) {
    store.insert(&job("a", "ann")).expect("kept");
    assert_eq!(store.cancel("a", 1).expect("kept"), Cancel::Now);
    assert_eq!(store.cancel("a", 1).expect("kept"), Cancel::TooLate);
    assert!(store.retry("a").expect("kept") && !store.retry("a").expect("kept"));
    store.begin("a", 2).expect("readable");
    assert_eq!(store.cancel("a", 3).expect("kept"), Cancel::Asked);
    assert!(store.requeue("a", 1, true).expect("kept"));
    assert!(store.begin("a", 3).expect("readable").expect("queued").cancel_asked, "it is not forgotten");
    assert!(store.finish("a", 1, &End::Cancelled, 4).expect("kept"));
    assert_eq!(store.cancel("nobody", 1).expect("kept"), Cancel::TooLate);
    store.retry("a").expect("kept");
    assert!(!store.begin("a", 5).expect("readable").expect("queued").cancel_asked);
    let reason = Reason { code: "invalid_request".into(), detail: "no".into() };
    store.finish("a", 1, &End::Failed(reason.clone()), 6).expect("kept");
    assert_eq!(store.get("a").expect("readable").expect("there").reason, Some(reason));
}

fn the_same_request_twice_is_one_job(store: &dyn JobStore) {
    let with_key = |id: &str, owner: &str| NewJob { idempotency_key: Some("k".into()), ..job(id, owner) };
    assert_eq!(store.earlier(&with_key("a", "ann")).expect("readable"), None);
    assert_eq!(store.insert(&with_key("a", "ann")).expect("kept"), Inserted::New);
    let earlier = store.earlier(&with_key("b", "ann")).expect("readable");
    assert!(matches!(earlier, Some(Inserted::Same(job)) if job.id == "a"));
    let again = store.insert(&with_key("b", "ann")).expect("kept");
    assert!(matches!(again, Inserted::Same(job) if job.id == "a"));
    assert_eq!(store.insert(&with_key("c", "bob")).expect("kept"), Inserted::New);
    let other = NewJob { priority: 5, ..with_key("d", "ann") };
    assert_eq!(store.insert(&other).expect("kept"), Inserted::Conflict);
}

fn listed_newest_first(store: &dyn JobStore) {
    for id in ["a", "b", "c"] {
        store.insert(&job(id, "ann")).expect("kept");
    }
    store.insert(&job("d", "bob")).expect("kept");
    store.begin("b", 1).expect("readable");
    let ids = |filter: Filter| -> Vec<String> {
        store.list(&filter).expect("readable").into_iter().map(|job| job.id).collect()
    };
    let ann = Filter { owner: Some("ann".into()), limit: 2, ..Filter::default() };
    assert_eq!(ids(ann.clone()), ["c", "b"]);
    assert_eq!(ids(Filter { after: Some("b".into()), ..ann.clone() }), ["a"]);
    assert_eq!(ids(Filter { state: Some(State::Running), ..ann }), ["b"]);
    assert_eq!(ids(Filter { limit: 9, ..Filter::default() }), ["d", "c", "b", "a"]);
    assert_eq!((store.waiting(Some("ann")).expect("counted"), store.waiting(None).expect("counted")), (2, 3));
}

fn batches_remember_what_they_have_done(store: &dyn JobStore) {
    store.insert(&job("a", "ann")).expect("kept");
    let item = |input: &str| Item { input: input.into(), output: Some("there".into()), reason: None };
    for input in ["2", "1", "2"] {
        store.add_item("a", &item(input)).expect("kept");
    }
    assert_eq!(store.items("a").expect("readable"), [item("1"), item("2")]);
}

fn webhooks_are_told_of_each_end(store: &dyn JobStore) {
    let mut new = job("a", "ann");
    new.spec.webhook = Some("https://example.org/hook".into());
    store.insert(&new).expect("kept");
    store.begin("a", 1).expect("readable");
    assert!(store.due(100).expect("readable").is_empty());
    store.finish("a", 1, &done(), 10).expect("kept");
    assert!(store.due(9).expect("readable").is_empty());
    let due = store.due(10).expect("readable").pop().expect("one");
    assert_eq!((due.job.as_str(), due.tries), ("a", 0));
    store.delivered(due.number, Some(50)).expect("kept");
    assert!(store.due(49).expect("readable").is_empty());
    assert_eq!(store.due(50).expect("readable")[0].tries, 1);
    store.delivered(due.number, None).expect("kept");
    assert!(store.due(100).expect("readable").is_empty());
}

fn push(queue: &dyn Queue, id: &str, owner: &str, priority: i64) {
    let entry = Entry { id: id.into(), owner: owner.into(), priority, long: false, not_before: 0 };
    queue.push(&entry).expect("kept");
}

fn claim(queue: &dyn Queue, now: i64) -> Option<String> {
    queue.claim(now, Duration::from_millis(100), true).expect("readable")
}

fn everyone_has_a_turn(queue: &dyn Queue) {
    for id in ["a1", "a2", "a3"] {
        push(queue, id, "ann", 0);
    }
    push(queue, "b1", "bob", 0);
    push(queue, "c1", "cid", -1);
    push(queue, "a4", "ann", 1);
    let order: Vec<_> = std::iter::from_fn(|| claim(queue, 1)).collect();
    assert_eq!(order, ["a4", "b1", "a1", "a2", "a3", "c1"]);
}

fn a_lease_ends(queue: &dyn Queue) {
    push(queue, "a", "ann", 0);
    push(queue, "a", "ann", 9);
    assert_eq!((claim(queue, 1), claim(queue, 2)), (Some("a".into()), None));
    assert!(queue.extend("a", 500).expect("kept"));
    assert_eq!((claim(queue, 200), claim(queue, 501)), (None, Some("a".into())));
    queue.remove("a").expect("kept");
    assert!(!queue.extend("a", 900).expect("kept") && claim(queue, 9000).is_none());
    let entry = Entry { id: "b".into(), owner: "ann".into(), priority: 0, long: false, not_before: 50 };
    queue.push(&entry).expect("kept");
    assert_eq!((claim(queue, 49), claim(queue, 50)), (None, Some("b".into())));
}

fn long_ones_can_be_left(queue: &dyn Queue) {
    let entry = Entry { id: "film".into(), owner: "ann".into(), priority: 9, long: true, not_before: 0 };
    queue.push(&entry).expect("kept");
    push(queue, "picture", "ann", 0);
    let claim = |with_long| queue.claim(1, Duration::from_millis(100), with_long).expect("readable");
    let claimed = [claim(false), claim(false), claim(true)];
    assert_eq!(claimed, [Some("picture".into()), None, Some("film".into())]);
}

fn fresh() -> (tempfile::TempDir, Sqlite) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(&folder.path().join("jobs.db")).expect("opens");
    (folder, store)
}

#[test]
fn sqlite_keeps_jobs() {
    let suite: [fn(&dyn JobStore); 7] = [
        a_life,
        an_old_attempt_has_nothing_to_say,
        cancelled_and_retried,
        the_same_request_twice_is_one_job,
        listed_newest_first,
        batches_remember_what_they_have_done,
        webhooks_are_told_of_each_end,
    ];
    for test in suite {
        let (_folder, store) = fresh();
        test(&store);
    }
}

#[test]
fn sqlite_keeps_a_queue() {
    let suite: [fn(&dyn Queue); 3] = [everyone_has_a_turn, a_lease_ends, long_ones_can_be_left];
    for test in suite {
        let (_folder, store) = fresh();
        test(&store);
    }
}

#[test]
fn sqlite_recovers() {
    let (folder, store) = fresh();
    for id in ["waits", "works", "poison", "unwanted"] {
        store.insert(&job(id, "ann")).expect("kept");
    }
    push(&store, "works", "ann", 0);
    claim(&store, 1);
    for (id, times) in [("works", 1), ("poison", 3), ("unwanted", 1)] {
        for attempt in 1..=times {
            store.begin(id, 1).expect("readable");
            if attempt < times {
                store.requeue(id, attempt, false).expect("kept");
            }
        }
    }
    store.cancel("unwanted", 2).expect("kept");
    drop(store);
    let store = Sqlite::open(&folder.path().join("jobs.db")).expect("opens again");
    assert_eq!(store.recover(3, 9).expect("recovers").len(), 3);
    assert_eq!((state(&store, "waits"), state(&store, "works")), (State::Queued, State::Queued));
    assert_eq!((state(&store, "poison"), state(&store, "unwanted")), (State::Failed, State::Cancelled));
    let mut queued: Vec<_> = std::iter::from_fn(|| claim(&store, 10)).collect();
    queued.sort();
    assert_eq!(queued, ["waits", "works"]);
    assert!(store.recover(3, 9).expect("again").is_empty());
}
