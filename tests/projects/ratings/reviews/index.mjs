// GET and POST /reviews: kept in memory, so they last as long as the sandbox.

const reviews = [{ product: 'chair', text: 'One sits well on it.' }];

export const handler = async (event) => {
  if (event.requestContext.http.method === 'GET') {
    return { reviews, scale: Number(process.env.SCALE) };
  }
  const review = parse(event);
  if (!review) {
    return { statusCode: 400, body: JSON.stringify({ message: 'A review has a product and a text' }) };
  }
  reviews.push(review);
  console.log(`review number ${reviews.length}`);
  return { statusCode: 201, body: JSON.stringify(review) };
};

function parse(event) {
  try {
    const body = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
    const { product, text } = JSON.parse(body);
    return product && text ? { product, text } : undefined;
  } catch {
    return undefined;
  }
}
