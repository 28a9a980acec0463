//! An allocator for one busy thread: a thread keeps the larger blocks that it frees, in classes by size,
//! and takes them from there. What the C library itself keeps so ends at a kilobyte, and an HTTP message
//! takes several blocks above that, each of which it would join with its neighbours and cut off again.
//!
//! The allocators that one can have ready made read the wall clock, to give memory back after a while,
//! and take entropy for their addresses. Neither may be in a simulation.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::UnsafeCell,
    ptr,
};

/// For the `main` of a program that carries out runs; set it with `#[global_allocator]`. A run needs it
/// as little as the rest of [`process`](super), and goes on to the same digest without.
///
/// Of the blocks from 1 to 64 KiB that a thread frees it keeps up to 64 KiB of each of 24 sizes, and
/// hands them out again, the last one first. All else is the [`System`]'s. A thread that ends gives back
/// what it kept. Which addresses come depends on nothing but what was asked for before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

/// Up to here there are no classes: so far the C library keeps blocks itself.
const SMALL: usize = 1032;

/// Up to here there are four classes from one power of two to the next; above there are none.
const LARGEST: usize = 64 << 10;

/// The power of two with which the classes begin.
const FIRST_DOUBLING: u32 = SMALL.ilog2();

const CLASSES: usize = 4 * (LARGEST.ilog2() - FIRST_DOUBLING) as usize;

/// What the system's allocator gives without being asked.
const ALIGNMENT: usize = 16;

/// Of each class so many bytes are kept. A worker that goes from seed to seed comes to keep the most of
/// each, so that all of them together must be little.
const KEPT_BYTES: usize = 64 << 10;

/// The class whose blocks hold `layout`.
const fn class_of(layout: Layout) -> Option<usize> {
    let size = layout.size();
    if size <= SMALL || size > LARGEST || layout.align() > ALIGNMENT {
        return None;
    }
    let last = size - 1;
    let doubling = last.ilog2();
    let quarter = (last >> (doubling - 2)) & 3;
    Some(4 * (doubling - FIRST_DOUBLING) as usize + quarter)
}

/// How large the blocks of a class are.
const fn size_of(class: usize) -> usize {
    (class % 4 + 5) << (class / 4 + FIRST_DOUBLING as usize - 2)
}

/// How the system is asked for a block of a class.
const fn block(class: usize) -> Layout {
    // The sizes are far from overflow, and the alignment is a power of two.
    match Layout::from_size_align(size_of(class), ALIGNMENT) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    }
}

/// Free blocks of one size. Each begins with the address of the next.
#[derive(Clone, Copy)]
struct Free {
    first: *mut u8,
    blocks: usize,
}

/// What a thread keeps.
struct Kept {
    classes: [Free; CLASSES],
    may_keep: MayKeep,
}

#[derive(Clone, Copy, PartialEq)]
enum MayKeep {
    /// Nothing is registered yet that gives the blocks back when the thread ends.
    NotYet,
    Yes,
    /// The thread is ending.
    NoMore,
}

impl Kept {
    const fn new() -> Self {
        let none = Free {
            first: ptr::null_mut(),
            blocks: 0,
        };
        Self {
            classes: [none; CLASSES],
            may_keep: MayKeep::NotYet,
        }
    }

    #[inline]
    fn take(&mut self, class: usize) -> Option<*mut u8> {
        let free = &mut self.classes[class];
        let taken = free.first;
        if taken.is_null() {
            return None;
        }
        // SAFETY: a block that is kept is ours, aligned for a pointer, and begins with one.
        free.first = unsafe { taken.cast::<*mut u8>().read() };
        free.blocks -= 1;
        Some(taken)
    }

    /// Keeps `freed`, a block of this class that nobody uses; or says that there are enough.
    #[inline]
    fn keep(&mut self, class: usize, freed: *mut u8) -> bool {
        let free = &mut self.classes[class];
        if (free.blocks + 1) * size_of(class) > KEPT_BYTES {
            return false;
        }
        // SAFETY: the block is ours from here on, aligned for a pointer and at least as large as two.
        unsafe { freed.cast::<*mut u8>().write(free.first) };
        free.first = freed;
        free.blocks += 1;
        true
    }

    fn give_back(&mut self) {
        for class in 0..CLASSES {
            while let Some(block_of_it) = self.take(class) {
                // SAFETY: it was allocated by the system with this layout, and is used no more.
                unsafe { System.dealloc(block_of_it, block(class)) };
            }
        }
    }
}

thread_local! {
    // Without a destructor: it must be there as long as the thread frees anything.
    static KEPT: UnsafeCell<Kept> = const { UnsafeCell::new(Kept::new()) };
    static AT_THE_END: AtTheEnd = const { AtTheEnd };
}

/// Gives back what the thread kept when it ends; what is freed afterwards is given back at once.
struct AtTheEnd;

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        with_kept(|kept| {
            kept.may_keep = MayKeep::NoMore;
            kept.give_back();
        });
    }
}

/// `with` must not allocate or free by way of this allocator: what it holds is not to be had twice.
#[inline]
fn with_kept<R>(with: impl FnOnce(&mut Kept) -> R) -> R {
    KEPT.with(|kept| {
        // SAFETY: of this thread alone, and no caller comes back here from within.
        with(unsafe { &mut *kept.get() })
    })
}

#[cold]
fn keep_from_now_on() {
    with_kept(|kept| kept.may_keep = MayKeep::Yes);
    AT_THE_END.with(|_| ());
}

// Not marked to be inlined across crates: with thin link-time optimisation the compiler of Rust 1.95
// crashes on that.
// SAFETY: every block comes from the system's allocator, is as large and as aligned as was asked, or
// larger, and goes back with the layout it came with: that of its class, which the size and alignment
// of the request determine.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            // SAFETY: the caller's promise is passed on.
            return unsafe { System.alloc(layout) };
        };
        match with_kept(|kept| kept.take(class)) {
            Some(block) => block,
            // SAFETY: no class has blocks of size zero.
            None => unsafe { System.alloc(block(class)) },
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let Some(class) = class_of(layout) else {
            // SAFETY: the caller's promise is passed on.
            return unsafe { System.dealloc(at, layout) };
        };
        let may_keep = with_kept(|kept| kept.may_keep);
        if may_keep == MayKeep::NotYet {
            keep_from_now_on();
        }
        if may_keep == MayKeep::NoMore || !with_kept(|kept| kept.keep(class, at)) {
            // SAFETY: the caller's block, which came with the layout of its class.
            unsafe { System.dealloc(at, block(class)) };
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if class_of(layout).is_none() {
            // SAFETY: the caller's promise is passed on.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promise is passed on.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: it has at least the size that was asked for.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size` rounded up to the alignment does not overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class_of(layout), class_of(wanted)) {
            (Some(before), Some(after)) if before == after => at,
            // SAFETY: the caller's promise is passed on.
            (None, None) => unsafe { System.realloc(at, layout, size) },
            _ => {
                // SAFETY: the caller promises that `size` is not zero.
                let moved = unsafe { self.alloc(wanted) };
                if !moved.is_null() {
                    // SAFETY: both are at least so large and differ; the old one is the caller's.
                    unsafe {
                        moved.copy_from_nonoverlapping(at, layout.size().min(size));
                        self.dealloc(at, layout);
                    }
                }
                moved
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::Builder;
    use windtunnel_record::Seed;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, ALIGNMENT).expect("small sizes are valid")
    }

    #[test]
    fn a_class_holds_its_sizes_and_wastes_at_most_a_quarter() {
        assert_eq!(class_of(layout(SMALL)), None);
        let mut largest = 0;
        for size in SMALL + 1..=LARGEST {
            let class = class_of(layout(size)).expect("up to the largest there are classes");
            let room = size_of(class);
            assert!(room >= size, "{size} in {room}");
            assert!(room - size <= size / 4, "{size} in {room}");
            assert!(
                class >= largest && class - largest <= 1,
                "{size}: class {class}"
            );
            largest = class;
        }
        assert_eq!(largest, CLASSES - 1);
        assert_eq!(class_of(layout(LARGEST + 1)), None);
        let wide = Layout::from_size_align(2 * SMALL, 2 * ALIGNMENT).expect("it is valid");
        assert_eq!(class_of(wide), None);
    }

    #[test]
    fn what_was_freed_last_is_handed_out_first_and_so_much_is_kept() {
        let mut kept = Kept::new();
        for class in [0, 9, CLASSES - 1] {
            let blocks = (0..=KEPT_BYTES / size_of(class)).map(|_| {
                // SAFETY: no class has blocks of size zero.
                unsafe { System.alloc(block(class)) }
            });
            let blocks: Vec<_> = blocks.collect();
            let (last, others) = blocks.split_last().expect("there are some");
            assert!(others.iter().all(|free| kept.keep(class, *free)));
            assert!(!kept.keep(class, *last));
            assert_eq!(kept.take(class), others.last().copied());
            assert!(kept.keep(class, others[others.len() - 1]));
            // SAFETY: it came from there with this layout, and was not kept.
            unsafe { System.dealloc(*last, block(class)) };
        }
        kept.give_back();
        assert!((0..CLASSES).all(|class| kept.take(class).is_none()));
    }

    /// A block that is out: where, how large, and what is written all over it.
    struct Out(*mut u8, usize, u8);

    impl Out {
        fn assert_untouched(&self) {
            // SAFETY: the block is ours and was filled.
            let bytes = unsafe { std::slice::from_raw_parts(self.0, self.1) };
            assert!(bytes.iter().all(|byte| *byte == self.2));
        }
    }

    /// Blocks of all sizes, taken, changed and freed in any order: none overlaps another, and what was
    /// in one is in it after its size was changed.
    fn use_blocks(seed: u64) {
        let mut stream = Seed(seed).stream("blocks");
        let mut out: Vec<Out> = Vec::new();
        for number in 0..20_000_u32 {
            let size = match stream.below(4) {
                0 => 1 + stream.below(3 * LARGEST as u64),
                1 => 1 + stream.below(8 * 1024),
                _ => 1 + stream.below(2 * SMALL as u64),
            } as usize;
            let fill = number as u8;
            let chosen = (stream.below(64) as usize) % (out.len() + 1);
            // SAFETY: each block is freed or moved once, with the size it has; no size is zero.
            unsafe {
                if chosen == out.len() {
                    let block = if stream.below(3) == 0 {
                        let block = Allocator.alloc_zeroed(layout(size));
                        Out(block, size, 0).assert_untouched();
                        block
                    } else {
                        Allocator.alloc(layout(size))
                    };
                    assert!(!block.is_null() && block.addr() % ALIGNMENT == 0);
                    block.write_bytes(fill, size);
                    out.push(Out(block, size, fill));
                } else if stream.below(2) == 0 {
                    let Out(at, before, filled) = out[chosen];
                    let moved = Allocator.realloc(at, layout(before), size);
                    Out(moved, before.min(size), filled).assert_untouched();
                    moved.write_bytes(fill, size);
                    out[chosen] = Out(moved, size, fill);
                } else {
                    let freed = out.swap_remove(chosen);
                    freed.assert_untouched();
                    Allocator.dealloc(freed.0, layout(freed.1));
                }
            }
        }
        for freed in out {
            freed.assert_untouched();
            // SAFETY: as above.
            unsafe { Allocator.dealloc(freed.0, layout(freed.1)) };
        }
    }

    #[test]
    fn blocks_do_not_overlap_and_keep_what_is_in_them() {
        let threads = (0..3).map(|seed| Builder::new().spawn(move || use_blocks(seed)));
        for thread in threads.collect::<Vec<_>>() {
            let thread = thread.expect("threads can be had");
            thread.join().expect("the blocks were right");
        }
    }

    /// Frees a block after the thread has given back what it kept.
    struct Late;

    thread_local! {
        static LATE: Late = const { Late };
    }

    impl Drop for Late {
        fn drop(&mut self) {
            // SAFETY: allocated and freed with one layout.
            unsafe { Allocator.dealloc(Allocator.alloc(layout(LARGEST)), layout(LARGEST)) };
            assert!(with_kept(|kept| kept.may_keep == MayKeep::NoMore));
            assert!(with_kept(|kept| kept
                .classes
                .iter()
                .all(|free| free.blocks == 0)));
        }
    }

    #[test]
    fn a_thread_that_ends_keeps_nothing() {
        let thread = Builder::new().spawn(|| {
            // Of two, the one that is there first goes last.
            LATE.with(|_| ());
            use_blocks(4);
            with_kept(|kept| kept.classes.iter().map(|free| free.blocks).sum::<usize>())
        });
        let thread = thread.expect("threads can be had");
        assert!(thread.join().expect("nothing is kept at the end") > 0);
    }
}
