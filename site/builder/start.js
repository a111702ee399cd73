// Before anything of the page: Python starts while the editor is still being fetched.
export const worker = new Worker("worker.js", { type: "module" });
