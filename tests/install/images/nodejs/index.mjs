// Stands in for the main program of AWS's image: AWS's own runtime client, for the function that the variables name.
import { run } from './aws-lambda-ric/index.mjs';

await run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
