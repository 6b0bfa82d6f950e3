"""The tasks of bench/tasks.lua by aiohttp: python3 bench/tasks/aiohttp_peer.py URL TASKS ROUND_TRIPS"""
import asyncio
import sys

import aiohttp

url, tasks, trips = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
headers = {"Authorization": "Bearer 0123456789", "Accept": "application/json"}


async def main():
    good = 0

    async def work(session):
        nonlocal good
        for _ in range(trips):
            async with session.get(url) as answer:
                await answer.read()
                good += answer.status == 200

    connector = aiohttp.TCPConnector(limit=16)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        await asyncio.gather(*(work(session) for _ in range(tasks)))
    print(f"{good} answers")


asyncio.run(main())
