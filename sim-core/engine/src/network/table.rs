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
            // The last page stayed although all on it may be over.
            if let Some(last) = self.pages.len().checked_sub(1) {
                self.give_back(last);
            }
            self.pages.push(Some(Box::new([const { None }; PAGE])));
        }
        for end in &connection.ends {
            self.of_hosts[end.host as usize].insert(number as u32);
        }
        self.live.insert(number as u32);
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
        let at = number as usize / PAGE;
        let Some(Some(page)) = self.pages.get_mut(at) else {
            return;
        };
        if let Some(connection) = page[number as usize % PAGE].take() {
            for end in &connection.ends {
                self.of_hosts[end.host as usize].remove(&number);
            }
        }
        self.live.remove(&number);
        if at + 1 < self.pages.len() {
            self.give_back(at);
        }
    }

    /// Gives a page back if all on it are over.
    fn give_back(&mut self, at: usize) {
        let slot = &mut self.pages[at];
        if slot
            .as_ref()
            .is_some_and(|page| page.iter().all(Option::is_none))
        {
            *slot = None;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::connection::{End, Greeting, Opening, Pipe};

    fn connection(one: u32, other: u32) -> Connection {
        let address = ([10, 0, 0, 1], 80).into();
        Connection {
            ends: [one, other].map(|host| End::new(host, 0, address)),
            pipes: [Pipe::new(), Pipe::new()],
            links: [0, 0],
            opening: Opening::Connecting,
            greeting: Greeting::None,
            request_open: false,
        }
    }

    fn pages(table: &Connections) -> usize {
        table.pages.iter().flatten().count()
    }

    #[test]
    fn one_connection_at_a_time_never_holds_more_than_a_page() {
        let mut table = Connections::new(2);
        for _ in 0..10 * PAGE {
            let number = table.next();
            table.push(connection(0, 1));
            assert!(table.get(number).is_some() && pages(&table) <= 1);
            table.forget(number);
            assert!(table.get(number).is_none());
        }
        assert_eq!(table.live().len(), 0);
    }

    #[test]
    fn an_old_connection_holds_its_own_page_only() {
        let mut table = Connections::new(2);
        for _ in 0..10 * PAGE {
            let number = table.next();
            table.push(connection(0, 1));
            if number > 0 {
                table.forget(number);
            }
        }
        assert_eq!(pages(&table), 2);
        assert_eq!(table.of_host(1).collect::<Vec<_>>(), [0]);
        table.forget(0);
        assert_eq!((pages(&table), table.of_host(0).count()), (1, 0));
    }
}
