//! All connections by number. Numbers count up and are never used twice; what is over takes no memory
//! but for its share of a page, and pages on which all are over are given back.

use super::connection::Connection;
use std::collections::BTreeSet;

const PAGE: usize = 256;

type Page = [Option<Box<Connection>>; PAGE];

/// The table.
#[derive(Default)]
pub(super) struct Connections {
    pages: Vec<Option<Box<Page>>>,
    /// How many there were.
    count: u32,
    live: BTreeSet<u32>,
    /// The live ones with an end on a host, by its number.
    of_hosts: Vec<BTreeSet<u32>>,
}

impl Connections {
    pub fn new(hosts: usize) -> Self {
        Self {
            of_hosts: vec![BTreeSet::new(); hosts],
            ..Self::default()
        }
    }

    /// The number that the next one has.
    pub const fn next(&self) -> u32 {
        self.count
    }

    pub fn push(&mut self, connection: Connection) {
        let number = self.count as usize;
        self.count += 1;
        if number.is_multiple_of(PAGE) {
            self.pages.push(Some(Box::new([const { None }; PAGE])));
        }
        for end in &connection.ends {
            self.of_hosts[end.host as usize].insert(number as u32);
        }
        self.live.insert(number as u32);
        // The last page is never given back, even if all on it are over.
        if let Some(Some(page)) = self.pages.last_mut() {
            page[number % PAGE] = Some(Box::new(connection));
        }
    }

    pub fn get(&self, number: u32) -> Option<&Connection> {
        let page = self.pages.get(number as usize / PAGE)?.as_ref()?;
        page[number as usize % PAGE].as_deref()
    }

    pub fn get_mut(&mut self, number: u32) -> Option<&mut Connection> {
        let page = self.pages.get_mut(number as usize / PAGE)?.as_mut()?;
        page[number as usize % PAGE].as_deref_mut()
    }

    /// Forgets one that is over.
    pub fn forget(&mut self, number: u32) {
        let (at, last) = (number as usize / PAGE, self.pages.len());
        let Some(Some(page)) = self.pages.get_mut(at) else {
            return;
        };
        if let Some(connection) = page[number as usize % PAGE].take() {
            for end in &connection.ends {
                self.of_hosts[end.host as usize].remove(&number);
            }
        }
        self.live.remove(&number);
        if at + 1 < last && page.iter().all(Option::is_none) {
            self.pages[at] = None;
        }
    }

    /// The numbers of those that are not over, in their order.
    pub fn live(&self) -> impl ExactSizeIterator<Item = u32> {
        self.live.iter().copied()
    }

    /// Of those the ones with an end on `host`.
    pub fn of_host(&self, host: u32) -> impl Iterator<Item = u32> {
        self.of_hosts[host as usize].iter().copied()
    }

    /// Those that are not over.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.live().filter_map(|number| self.get(number))
    }
}
