// Hosts list a folder's templates in no order, and front ends keep it: ours stand in the order of their numbers.
import { api } from "../../scripts/api.js";

const OWN = decodeURIComponent(new URL(import.meta.url).pathname.split("/").at(-2));
const listed = api.getWorkflowTemplates;

api.getWorkflowTemplates = async function () {
  const templates = await listed.call(this);
  templates[OWN]?.sort();
  return templates;
};
