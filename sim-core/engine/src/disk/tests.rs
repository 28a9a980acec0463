//! One test for each rule of the module.

use super::{
    journal::{COMMIT_EVERY, DIRTY_EXPIRES, WRITE_BACK_EVERY},
    node::{BLOCK, SECTOR},
    tree::{NodeId, Tree},
};
use windtunnel_record::{Seed, Stream};

const SECOND: u64 = 1_000_000_000;

fn stream(seed: u64) -> Stream {
    Seed(seed).stream("disk/x")
}

/// A tree with a synced file `/log` that holds `contents`.
fn with_log(contents: &[u8]) -> (Tree, NodeId) {
    let mut tree = Tree::new();
    let file = tree.create_file("/log", 0).expect("the root is there");
    tree.write(file, 0, contents, 0);
    sync(&mut tree, file);
    (tree, file)
}

/// A whole fsync at time 0.
fn sync(tree: &mut Tree, file: NodeId) {
    tree.begin_sync(file, false);
    tree.finish_sync(0);
}

/// Does `act` under many seeds and loses the power at `at`; what a file holds then, without
/// repetition, or `None` where its name is gone.
fn outcomes(at: u64, path: &str, act: impl Fn(&mut Tree)) -> Vec<Option<Vec<u8>>> {
    let mut seen = Vec::new();
    for seed in 0..256 {
        let mut tree = Tree::new();
        act(&mut tree);
        tree.lose_power(at, &mut stream(seed));
        let left = tree.find(path).ok();
        let left = left.map(|file| tree.contents(file).to_vec());
        if !seen.contains(&left) {
            seen.push(left);
        }
    }
    seen.sort();
    seen
}

fn text(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

#[test]
fn what_was_synced_survives_and_of_the_rest_a_beginning() {
    let (mut kept_some, mut lost_some) = (0, 0);
    for seed in 0..64 {
        let (mut tree, file) = with_log(b"durable");
        tree.write(file, 7, &[7; 2000], 0);
        tree.write(file, 2007, &[8; 2000], 0);
        let lost = tree.lose_power(0, &mut stream(seed));
        let contents = tree.contents(file);
        assert!(contents.starts_with(b"durable"));
        let expected: Vec<u8> = [&b"durable"[..], &[7; 2000], &[8; 2000]].concat();
        assert_eq!(
            contents,
            &expected[..contents.len()],
            "a beginning, never other bytes"
        );
        let at_a_write = [7, 2007, 4007].contains(&contents.len());
        assert!(
            at_a_write || contents.len() % SECTOR == 0,
            "torn in a sector"
        );
        kept_some += u32::from(contents.len() > 7);
        lost_some += u32::from(!lost.is_empty());
    }
    assert!(kept_some > 10 && lost_some > 10, "{kept_some} {lost_some}");
}

#[test]
fn a_sync_does_not_cover_what_was_written_after_it_began() {
    let (mut tree, file) = with_log(b"");
    tree.write(file, 0, b"one", 0);
    tree.begin_sync(file, false);
    tree.write(file, 3, b"two", 0);
    tree.finish_sync(0);
    assert_eq!(tree.nodes[file].medium, b"one");
}

#[test]
fn a_new_name_is_gone_without_a_sync_and_its_own_sync_keeps_it() {
    let unsynced = |tree: &mut Tree| {
        tree.create_file("/a", 0).expect("created");
    };
    assert_eq!(outcomes(SECOND, "/a", unsynced), [None]);
    let synced = |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        sync(tree, file);
    };
    assert_eq!(outcomes(SECOND, "/a", synced), [text("")]);
}

#[test]
fn the_sync_of_one_file_commits_the_names_of_all() {
    let act = |tree: &mut Tree| {
        tree.create_file("/a", 0).expect("created");
        let other = tree.create_file("/b", 0).expect("created");
        sync(tree, other);
    };
    assert_eq!(outcomes(SECOND, "/a", act), [text("")]);
}

#[test]
fn the_sync_of_a_file_that_did_not_change_commits_nothing() {
    let act = |tree: &mut Tree| {
        let old = tree.create_file("/old", 0).expect("created");
        sync(tree, old);
        tree.create_file("/a", 0).expect("created");
        sync(tree, old);
    };
    assert_eq!(outcomes(SECOND, "/a", act), [None]);
}

#[test]
fn the_sync_of_a_directory_commits_if_a_name_in_it_changed() {
    let act = |synced: &'static str| {
        move |tree: &mut Tree| {
            tree.create_dirs("/here", 0).expect("made");
            tree.create_dirs("/there", 0).expect("made");
            let root = tree.find("/").expect("there");
            sync(tree, root);
            tree.create_file("/here/a", 0).expect("created");
            let directory = tree.find(synced).expect("there");
            sync(tree, directory);
        }
    };
    assert_eq!(outcomes(SECOND, "/here/a", act("/here")), [text("")]);
    assert_eq!(outcomes(SECOND, "/here/a", act("/there")), [None]);
}

#[test]
fn fdatasync_commits_when_the_file_grew_and_not_when_bytes_were_replaced() {
    let act = |offset: usize, data_only: bool| {
        move |tree: &mut Tree| {
            let old = tree.create_file("/old", 0).expect("created");
            tree.write(old, 0, b"before", 0);
            sync(tree, old);
            tree.create_file("/a", 0).expect("created");
            tree.write(old, offset, b"after!", 0);
            tree.begin_sync(old, data_only);
            tree.finish_sync(0);
            assert!(tree.nodes[old].medium.ends_with(b"after!"));
        }
    };
    assert_eq!(outcomes(SECOND, "/a", act(0, true)), [None]);
    assert_eq!(outcomes(SECOND, "/a", act(0, false)), [text("")]);
    assert_eq!(outcomes(SECOND, "/a", act(6, true)), [text("")]);
}

#[test]
fn names_are_durable_five_seconds_after_their_transaction_began() {
    let act = |tree: &mut Tree| {
        tree.create_file("/a", SECOND).expect("created");
        tree.catch_up(3 * SECOND);
        tree.create_file("/b", 3 * SECOND).expect("created");
    };
    let commit = SECOND + COMMIT_EVERY;
    assert_eq!(outcomes(commit - 1, "/a", act), [None]);
    assert_eq!(outcomes(commit, "/a", act), [text("")]);
    assert_eq!(outcomes(commit, "/b", act), [text("")]);
}

#[test]
fn a_removal_that_is_not_committed_did_not_happen() {
    let act = |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        tree.write(file, 0, b"kept", 0);
        sync(tree, file);
        tree.remove_file("/a", SECOND).expect("removed");
    };
    assert_eq!(outcomes(SECOND, "/a", act), [text("kept")]);
    assert_eq!(outcomes(SECOND + COMMIT_EVERY, "/a", act), [None]);
}

#[test]
fn a_name_can_be_durable_before_the_bytes_are() {
    let act = |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        tree.write(file, 0, b"new", 0);
    };
    let seen = outcomes(COMMIT_EVERY, "/a", act);
    assert_eq!(seen, [text(""), text("new")]);
}

#[test]
fn a_rename_over_a_file_leaves_the_old_one_or_the_new_one_whole() {
    let replace = |tree: &mut Tree| {
        let old = tree.create_file("/a", 0).expect("created");
        tree.write(old, 0, b"old", 0);
        sync(tree, old);
        let new = tree.create_file("/aside", SECOND).expect("created");
        tree.write(new, 0, &[1; 9000], SECOND);
        tree.rename("/aside", "/a", SECOND).expect("renamed");
    };
    assert_eq!(outcomes(2 * SECOND, "/a", replace), [text("old")]);
    let committed = outcomes(SECOND + COMMIT_EVERY, "/a", replace);
    assert_eq!(committed, [Some(vec![1; 9000])]);
}

#[test]
fn a_rename_to_a_name_that_is_free_can_leave_it_empty() {
    let act = |tree: &mut Tree| {
        let new = tree.create_file("/aside", 0).expect("created");
        tree.write(new, 0, b"new", 0);
        tree.rename("/aside", "/a", 0).expect("renamed");
    };
    assert!(outcomes(COMMIT_EVERY, "/a", act).contains(&text("")));
}

/// Empties a synced file, writes to it, and closes it if `closes`.
fn rewrite(closes: bool) -> impl Fn(&mut Tree) {
    move |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        tree.write(file, 0, b"old", 0);
        sync(tree, file);
        tree.nodes[file].handles += 1;
        tree.resize(file, 0, SECOND);
        tree.write(file, 0, b"newer", SECOND);
        if closes {
            tree.closed(file, SECOND);
        }
    }
}

#[test]
fn a_file_that_was_emptied_rewritten_and_closed_is_the_old_one_or_the_new_one() {
    assert_eq!(outcomes(2 * SECOND, "/a", rewrite(true)), [text("old")]);
    let committed = outcomes(SECOND + COMMIT_EVERY, "/a", rewrite(true));
    assert_eq!(committed, [text("newer")]);
}

#[test]
fn a_file_that_was_emptied_and_is_still_open_may_be_empty() {
    assert_eq!(outcomes(2 * SECOND, "/a", rewrite(false)), [text("old")]);
    let committed = outcomes(SECOND + COMMIT_EVERY, "/a", rewrite(false));
    assert_eq!(committed, [text(""), text("newer")]);
}

#[test]
fn old_dirty_data_are_written_back_and_reached_with_the_next_commit() {
    let act = |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        tree.write(file, 0, b"old", 0);
        sync(tree, file);
        tree.write(file, 0, b"new", SECOND);
        tree.write(file, 3, b" and more", SECOND);
    };
    let woken = (SECOND + DIRTY_EXPIRES).next_multiple_of(WRITE_BACK_EVERY);
    let before = outcomes(woken - 1, "/a", act);
    assert!(before.contains(&text("old")) && before.contains(&text("new")));
    let written = outcomes(woken, "/a", act);
    assert!(!written.contains(&text("old")) && written.contains(&text("new")));
    let committed = outcomes(woken + COMMIT_EVERY, "/a", act);
    assert_eq!(committed, [text("new and more")]);
}

#[test]
fn bytes_that_replace_others_survive_sector_by_sector_in_any_part() {
    let act = |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        tree.write(file, 0, &[b'o'; 3 * SECTOR], 0);
        sync(tree, file);
        tree.write(file, 0, &[b'n'; 3 * SECTOR], 0);
    };
    let seen = outcomes(SECOND, "/a", act);
    assert_eq!(seen.len(), 8, "each of three sectors is old or new");
    for left in seen.into_iter().flatten() {
        assert_eq!(left.len(), 3 * SECTOR);
        for sector in left.chunks(SECTOR) {
            assert!(
                sector.iter().all(|byte| byte == &sector[0]),
                "a torn sector"
            );
        }
    }
}

#[test]
fn a_later_write_can_survive_an_earlier_one_to_the_same_file_and_to_another() {
    let act = |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        tree.write(file, 0, &[b'o'; 2 * SECTOR], 0);
        sync(tree, file);
        tree.write(file, 0, &[b'1'; SECTOR], 0);
        tree.write(file, SECTOR, &[b'2'; SECTOR], 0);
    };
    let later_alone = [[b'o'; SECTOR], [b'2'; SECTOR]].concat();
    assert!(outcomes(SECOND, "/a", act).contains(&Some(later_alone)));

    let later_alone = (0..64).any(|seed| {
        let mut tree = Tree::new();
        let first = tree.create_file("/first", 0).expect("created");
        let second = tree.create_file("/second", 0).expect("created");
        sync(&mut tree, first);
        tree.write(first, 0, b"first", 0);
        tree.write(second, 0, b"second", 0);
        tree.lose_power(SECOND, &mut stream(seed));
        tree.contents(first).is_empty() && tree.contents(second) == b"second"
    });
    assert!(later_alone, "files do not wait for each other");
}

#[test]
fn holes_and_what_a_length_adds_read_as_zeros_before_and_after_a_loss_of_power() {
    let (mut tree, file) = with_log(b"ab");
    tree.write(file, 4, b"cd", 0);
    tree.resize(file, 8, 0);
    assert_eq!(tree.contents(file), b"ab\0\0cd\0\0");
    sync(&mut tree, file);
    tree.lose_power(SECOND, &mut stream(1));
    assert_eq!(tree.contents(file), b"ab\0\0cd\0\0");
}

#[test]
fn a_removed_file_lives_while_it_is_open_and_ends_with_the_power() {
    let (mut tree, file) = with_log(b"kept");
    tree.nodes[file].handles = 1;
    tree.remove_file("/log", 0).expect("removed");
    let root = tree.find("/").expect("there");
    sync(&mut tree, root);
    assert_eq!(tree.contents(file), b"kept");
    tree.lose_power(SECOND, &mut stream(1));
    assert!(tree.find("/log").is_err());
    assert_eq!(tree.used, BLOCK as u64, "the root is left");
}

#[test]
fn a_commit_under_way_got_through_or_did_not_with_all_its_names() {
    let mut seen = [0; 2];
    for seed in 0..64 {
        let mut tree = Tree::new();
        let file = tree.create_file("/a", 0).expect("created");
        tree.create_file("/b", 0).expect("created");
        tree.write(file, 0, b"bytes", 0);
        tree.begin_sync(file, false);
        tree.lose_power(SECOND, &mut stream(seed));
        let (a, b) = (tree.find("/a"), tree.find("/b"));
        assert_eq!(a.is_ok(), b.is_ok(), "a transaction is whole");
        if let Ok(file) = a {
            assert_eq!(tree.contents(file), b"bytes", "its data come first");
        }
        seen[usize::from(b.is_ok())] += 1;
    }
    assert!(seen[0] > 10 && seen[1] > 10, "{seen:?}");
}

#[test]
fn a_file_synced_before_it_was_cut_off_is_the_synced_one() {
    let act = |tree: &mut Tree| {
        let file = tree.create_file("/a", 0).expect("created");
        tree.write(file, 0, b"synced", 0);
        tree.begin_sync(file, false);
        tree.resize(file, 0, 0);
        tree.write(file, 0, b"cut", 0);
        tree.finish_sync(0);
    };
    assert_eq!(outcomes(SECOND, "/a", act), [text("synced")]);
}
