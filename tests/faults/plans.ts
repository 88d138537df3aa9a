/** All plans that run here; the others are tests of their own, with the plan's number in their names. */

import type { Plan } from "./plan.ts";
import { generalPlans } from "./general_plans.ts";
import { historyPlans } from "./history_plans.ts";
import { redisPlans } from "./redis_plans.ts";
import { storePlans } from "./store_plans.ts";

export const plans: readonly Plan[] = [...storePlans, ...redisPlans, ...historyPlans, ...generalPlans];
