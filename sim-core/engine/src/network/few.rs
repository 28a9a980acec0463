//! A queue that mostly holds one thing or two.

use std::collections::VecDeque;

/// A queue whose first `N` elements stand in place, so that with no more nothing is looked up
/// elsewhere: of a thousand connections each keeps what is under way in the lines of the processor's
/// cache that are read for it anyway. Elements behind those are in a list of their own, made once.
pub(super) struct Few<T, const N: usize> {
    first: [T; N],
    count: u32,
    /// Boxed, because there is seldom one.
    rest: Option<Box<Rest<T>>>,
}

type Rest<T> = VecDeque<T>;

impl<T: Copy + Default, const N: usize> Few<T, N> {
    pub fn new() -> Self {
        Self {
            first: [T::default(); N],
            count: 0,
            rest: None,
        }
    }

    /// How many of them stand in place.
    #[inline]
    const fn in_place(&self) -> usize {
        let count = self.count as usize;
        if count < N { count } else { N }
    }

    /// Those that do not.
    #[inline]
    fn behind(&self) -> Option<&VecDeque<T>> {
        let rest = self.rest.as_deref();
        if self.count as usize > N { rest } else { None }
    }

    #[inline]
    pub fn front(&self) -> Option<&T> {
        self.first[..self.in_place()].first()
    }

    #[inline]
    pub fn back(&self) -> Option<&T> {
        match self.behind() {
            Some(rest) => rest.back(),
            None => self.first[..self.in_place()].last(),
        }
    }

    #[inline]
    pub fn push_back(&mut self, value: T) {
        match self.first.get_mut(self.count as usize) {
            Some(place) => *place = value,
            None => self.rest.get_or_insert_default().push_back(value),
        }
        self.count += 1;
    }

    #[inline]
    pub fn pop_front(&mut self) -> Option<T> {
        let front = *self.front()?;
        self.first.copy_within(1.., 0);
        if self.count as usize > N
            && let Some(next) = self.rest.as_mut().and_then(|rest| rest.pop_front())
        {
            self.first[N - 1] = next;
        }
        self.count -= 1;
        Some(front)
    }

    pub fn clear(&mut self) {
        self.count = 0;
        self.rest = None;
    }

    /// From the first to the last.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let rest = self.behind().into_iter().flatten();
        self.first[..self.in_place()].iter().chain(rest)
    }

    /// From the first to the last.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        let in_place = self.in_place();
        let rest = self.rest.as_deref_mut().into_iter().flatten();
        self.first[..in_place].iter_mut().chain(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a plain queue: the same elements in the same order, from both ends, whatever was done.
    #[test]
    fn it_is_a_queue() {
        one_is_a_queue::<1>();
        one_is_a_queue::<2>();
    }

    fn one_is_a_queue<const N: usize>() {
        let (mut few, mut plain) = (Few::<u32, N>::new(), VecDeque::new());
        let mut stream = windtunnel_record::Seed(3).stream("few");
        for number in 0..10_000 {
            match stream.below(7) {
                0..3 => {
                    few.push_back(number);
                    plain.push_back(number);
                }
                3..6 => assert_eq!(few.pop_front(), plain.pop_front()),
                _ if stream.below(20) == 0 => {
                    few.clear();
                    plain.clear();
                }
                _ => {
                    few.iter_mut().for_each(|value| *value += 1);
                    plain.iter_mut().for_each(|value| *value += 1);
                }
            }
            assert_eq!(few.front(), plain.front());
            assert_eq!(few.back(), plain.back());
            assert!(few.iter().eq(&plain));
            assert!(few.iter().rev().eq(plain.iter().rev()));
            assert!(few.iter_mut().rev().eq(plain.iter_mut().rev()));
        }
    }
}
