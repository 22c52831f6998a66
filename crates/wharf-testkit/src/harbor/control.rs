//! What tests change and look at.
use super::{
    HarborServer, Kind, Seen, Shared,
    state::{Content, now},
};
use wharf_spec::digest::Digest;

impl Shared {
    /// The host that clients name, for absolute locations.
    pub(crate) fn host(&self) -> Option<String> {
        self.host.get().cloned()
    }
}

impl HarborServer {
    /// Adds a project without a limit.
    pub fn add_project(&self, name: &str, public: bool) {
        self.lock().add_project(name).public = public;
    }

    /// Makes a project one that is filled by pulls alone.
    pub fn set_proxy(&self, project: &str) {
        self.lock().add_project(project).proxy = true;
    }

    /// Sets the limit of a project in bytes; `None` for no limit.
    pub fn set_limit(&self, project: &str, bytes: Option<u64>) {
        let limit = bytes.and_then(|bytes| i64::try_from(bytes).ok());
        self.lock().add_project(project).limit = limit.unwrap_or(super::quota::UNLIMITED);
    }

    /// Bytes in use in a project.
    pub fn used(&self, project: &str) -> u64 {
        let state = self.lock();
        state
            .projects
            .get(project)
            .map_or(0, |project| project.used)
    }

    /// Uses room in a project as another build would: a blob of `bytes` that belongs to no artifact.
    pub fn fill(&self, project: &str, bytes: u64) {
        let mut state = self.lock();
        let mut unique = [0; 32];
        unique[..8].copy_from_slice(&state.next_id().to_be_bytes());
        let digest = Digest::from_bytes(unique);
        state.add_project(project).associate(digest, bytes);
    }

    /// Takes everything out of a project, as if it had just been made.
    pub fn empty(&self, project: &str) {
        let mut state = self.lock();
        let prefix = format!("{project}/");
        state
            .repositories
            .retain(|name, _| !name.starts_with(&prefix));
        let project = state.add_project(project);
        project.blobs.clear();
        project.used = 0;
    }

    /// Protects tags: patterns of repositories (without the project) and tags, in which `*` stands for anything.
    pub fn add_immutable_rule(&self, project: &str, repositories: &str, tags: &str) {
        let rule = (repositories.to_owned(), tags.to_owned());
        self.lock().add_project(project).immutable.push(Some(rule));
    }

    /// Forbids to pull a manifest, as policies on vulnerabilities do.
    pub fn block(&self, project: &str, digest: Digest) {
        self.lock().add_project(project).blocked.insert(digest);
    }

    /// Turns read-only mode on or off.
    pub fn set_read_only(&self, read_only: bool) {
        self.lock().read_only = read_only;
    }

    /// Has the garbage collector hold a blob, or let it go.
    pub fn set_collecting(&self, digest: Digest, collecting: bool) {
        if let Some(blob) = self.lock().blobs.get_mut(&digest) {
            blob.deleting = collecting;
        }
    }

    /// Makes an artifact older.
    pub fn age(&self, repository: &str, digest: Digest, seconds: u64) {
        if let Some(artifact) = self.lock().repository(repository).artifact_mut(digest) {
            artifact.pushed = now().saturating_sub(seconds);
        }
    }

    /// Adds an account.
    pub fn add_account(&self, account: super::Account) {
        self.lock().accounts.push(account);
    }

    /// Every token that was given out and is not forgotten.
    pub fn tokens(&self) -> Vec<String> {
        self.lock().tokens.keys().cloned().collect()
    }

    /// Forgets all tokens, as after a project was made anew.
    pub fn revoke_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// The digest a tag is on.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<Digest> {
        let state = self.lock();
        state.repositories.get(repository)?.tags.get(tag).copied()
    }

    /// Digests of a repository's artifacts, the oldest first.
    pub fn digests(&self, repository: &str) -> Vec<Digest> {
        let state = self.lock();
        let repository = state.repositories.get(repository);
        let artifacts = repository
            .into_iter()
            .flat_map(|one| one.artifacts.values());
        artifacts.map(|artifact| artifact.digest).collect()
    }

    /// The bytes of a manifest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let content: Content = self.lock().artifact(repository, reference)?.content.clone();
        content.bytes().map(|bytes| bytes.to_vec())
    }

    /// Uploads that were started and neither ended nor cancelled.
    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    /// What clients did that a client of Harbor must not do; empty is good.
    pub fn violations(&self) -> Vec<String> {
        self.lock().strict.violations.clone()
    }

    /// Requests of a kind so far.
    pub fn count(&self, kind: Kind) -> u64 {
        let state = self.lock();
        state.traffic.counts.get(&kind).copied().unwrap_or(0)
    }

    /// All requests so far, up to a hundred thousand.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().traffic.seen.clone()
    }

    /// Bytes of blobs taken, and bytes of bodies sent.
    pub fn bytes(&self) -> (u64, u64) {
        let state = self.lock();
        (state.traffic.received, state.traffic.sent)
    }

    /// Starts counting anew.
    pub fn reset_counts(&self) {
        self.lock().traffic = super::traffic::Traffic::default();
    }
}
